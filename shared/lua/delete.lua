-- Deletes a job with its input and output; a running one is canceled, and goes when its worker is done with it.
-- ARGV: id, retention, outcome of a canceled job. Returns unknown, deleted or running.
local id, retention, key = ARGV[1], ARGV[2], JOB .. ARGV[1]
local status = redis.call('HGET', key, 'status')
if not status then return redis.call('EXISTS', GONE .. id) == 1 and 'deleted' or 'unknown' end
if status == 'running' then
  redis.call('HSET', key, 'cancel', 1, 'deleted', 1)
  return 'running'
end
if status == 'queued' then
  redis.call('HSET', key, 'deleted', 1)
  finalize(id, 'canceled', ARGV[3], retention)
  close_ended()
else
  redis.call('ZREM', QUARANTINE, id)
  erase(id, retention)
end
return 'deleted'
