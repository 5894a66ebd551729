-- ARGV: id, retention, outcome of a canceled job. Returns unknown, final, canceled or running.
local id, key = ARGV[1], JOB .. ARGV[1]
local status = redis.call('HGET', key, 'status')
if not status then return 'unknown' end
if status == 'queued' then
  finalize(id, 'canceled', ARGV[3], ARGV[2])
  close_ended()
  return 'canceled'
end
if status == 'running' then
  redis.call('HSET', key, 'cancel', 1)
  return 'running'
end
return status == 'canceled' and 'canceled' or 'final'
