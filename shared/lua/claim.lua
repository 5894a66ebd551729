-- ARGV: token, lease in seconds, retention, outcome of an expired job, then ids.
-- Returns for each id: claimed, running (by another), final or unknown.
local token, lease, retention, expired = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local answer = {}
for i = 5, #ARGV do
  local id, key = ARGV[i], JOB .. ARGV[i]
  local job = redis.call('HMGET', key, 'status', 'token', 'deadline', 'lane')
  local verdict = 'claimed'
  if not job[1] then verdict = 'unknown'
  elseif job[1] == 'running' then verdict = job[2] == token and 'claimed' or 'running'
  elseif is_final(job[1]) then verdict = 'final'
  elseif tonumber(job[3]) <= now then
    finalize(id, 'expired', expired, retention)
    verdict = 'final'
  else
    redis.call('HSET', key, 'status', 'running', 'token', token, 'started', stamp(now))
    redis.call('HINCRBY', key, 'attempt', 1)
    redis.call('ZREM', queued_key(job[4]), id)
    redis.call('ZADD', RUNNING, stamp(now + lease), id)
  end
  table.insert(answer, verdict)
end
tell_waiters()
return answer
