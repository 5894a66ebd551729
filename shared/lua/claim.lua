-- ARGV: token, lease in seconds, retention, outcome of an expired job, then ids.
-- Returns for each id: claimed, running (by another), final or unknown.
local token, lease, retention, expired = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local answer, claimed_in, leases, until_when = {}, {}, {}, stamp(now + lease)
for i = 5, #ARGV do
  local id, key = ARGV[i], JOB .. ARGV[i]
  -- What is no record of a job, or not a whole one, must not keep the others of its message from their turn.
  local job = redis.pcall('HMGET', key, 'status', 'token', 'deadline', 'lane', 'attempt')
  local deadline, attempt = tonumber(job[3]), tonumber(job[5])
  local verdict = 'claimed'
  if not job[1] then verdict = 'unknown'
  elseif job[1] == 'running' then verdict = job[2] == token and 'claimed' or 'running'
  elseif is_final(job[1]) then verdict = 'final'
  elseif not (deadline and attempt and job[4]) then verdict = 'unknown'
  elseif deadline <= now then
    verdict = pcall(finalize, id, 'expired', expired, retention) and 'final' or 'unknown'
  else
    redis.call('HSET', key, 'status', 'running', 'token', token, 'started', stamp(now), 'attempt', attempt + 1)
    append(claimed_in, job[4], id)
    table.insert(leases, until_when)
    table.insert(leases, id)
  end
  table.insert(answer, verdict)
end
for lane, ids in pairs(claimed_in) do each_chunk(ids, function(...) redis.call('ZREM', queued_key(lane), ...) end) end
each_chunk(leases, function(...) redis.call('ZADD', RUNNING, ...) end)
close_ended()
return answer
