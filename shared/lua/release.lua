-- Gives claimed jobs back unfinished: the attempt does not count, because nothing died of them.
-- ARGV: token, retention, outcome of a canceled job, then ids.
-- Returns the time, then id, spec and attempt of each job to send again.
local token, retention, canceled = ARGV[1], ARGV[2], ARGV[3]
local answer, released = {stamp(now)}, {}
for i = 4, #ARGV do
  local id, key = ARGV[i], JOB .. ARGV[i]
  local job = redis.pcall('HMGET', key, 'status', 'token', 'lane', 'cancel', 'attempt', 'spec')
  local ours = job[1] and job[2] == token
  if ours and job[1] == 'running' and job[4] then pcall(finalize, id, 'canceled', canceled, retention)
  elseif ours and job[1] == 'running' then
    -- The token stays, so that a second run of this script finds what the first one did.
    job[5] = (tonumber(job[5]) or 1) - 1
    redis.call('HSET', key, 'status', 'queued', 'attempt', job[5])
    redis.call('HDEL', key, 'started')
    redis.call('ZADD', queued_key(job[3] or ''), stamp(now), id)
    table.insert(released, id)
  end
  if ours and not is_final(job[1]) and not job[4] then table.insert(answer, {id, job[6], tostring(job[5])}) end
end
each_chunk(released, function(...) redis.call('ZREM', RUNNING, ...) end)
close_ended()
return answer
