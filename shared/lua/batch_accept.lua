-- ARGV: id, spec, deadline in seconds, abort on error (1 or 0), largest error ratio,
--       then the job of the first step: lane, id, spec, attempts allowed; URL of its webhook or ''. Returns when the batch was accepted.
local key = root .. 'batch:' .. ARGV[1]
if redis.call('EXISTS', key) == 0 then
  local deadline = stamp(now + tonumber(ARGV[3]))
  redis.call('HSET', key, 'spec', ARGV[2], 'status', 'queued', 'created', stamp(now), 'deadline', deadline,
             'abort', ARGV[4], 'max_error_ratio', ARGV[5], 'rows_done', 0, 'rows_failed', 0, 'chunks_done', 0)
  if ARGV[10] ~= '' then redis.call('HSET', key, 'webhook_url', ARGV[10]) end
  redis.call('ZADD', root .. 'batch_deadlines', deadline, ARGV[1])
  accept_job(ARGV[6], ARGV[7], ARGV[8], ARGV[3], '', ARGV[9])
end
local created = redis.call('HGET', key, 'created')
-- Written again, so that a second call waits for replicas that have this record, and not for nothing.
redis.call('HSET', key, 'created', created)
return created
