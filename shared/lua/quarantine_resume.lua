-- Takes up again a batch that failed because a step of it was set aside: its missing steps begin as if never tried.
-- ARGV: id, deadline in seconds, code that it must have failed with, then for each missing step: lane, id, spec,
--       attempts allowed. Returns unknown, ok, or the status that does not allow it.
local id, key = ARGV[1], root .. 'batch:' .. ARGV[1]
local batch = redis.call('HMGET', key, 'status', 'error', 'deleted')
if not batch[1] or batch[3] then return 'unknown' end
-- This script ran before, and its answer was lost.
if batch_is_open(id) then return 'ok' end
if batch[1] ~= 'failed' or cjson.decode(batch[2])['code'] ~= ARGV[3] then return batch[1] end
local deadline = stamp(now + tonumber(ARGV[2]))
redis.call('HSET', key, 'status', 'running', 'deadline', deadline)
redis.call('HDEL', key, 'completed', 'expires', 'error')
-- The cause was mended: which rows were in hand when workers died says nothing any more.
redis.call('DEL', key .. ':notes')
redis.call('ZREM', root .. 'batch_expiry', id)
redis.call('ZADD', root .. 'batch_deadlines', deadline, id)
for i = 4, #ARGV, 4 do
  local step = ARGV[i + 1]
  redis.call('DEL', JOB .. step)
  redis.call('ZREM', QUARANTINE, step)
  redis.call('ZREM', RUNNING, step)
  accept_job(ARGV[i], step, ARGV[i + 2], ARGV[2], '', ARGV[i + 3])
end
return 'ok'
