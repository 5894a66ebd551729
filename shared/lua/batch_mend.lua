-- Takes a completed batch up again, to merge mended rows into it.
-- ARGV: id, deadline in seconds, number of this mend, mend, then the job of its step: lane, id, spec, attempts allowed;
--       bucket or ''.
-- Returns unknown, ok, spent, or the status that does not allow it; and behind that, once the bucket was looked at, it and
-- its debt.
local id, key = ARGV[1], root .. 'batch:' .. ARGV[1]
local batch = redis.call('HMGET', key, 'status', 'mends', 'deleted', 'expires')
if not batch[1] or batch[3] then return {'unknown'} end
if redis.call('HEXISTS', key .. ':mends', ARGV[3]) == 1 then
  if redis.call('HGET', key .. ':mends', ARGV[3]) ~= ARGV[4] then return {'running'} end
  -- Written again, so that whoever waits for replicas waits for this mend, and not for nothing.
  redis.call('HSET', key .. ':mends', ARGV[3], ARGV[4])
  return {'ok'}
end
if batch[1] ~= 'completed' then return {batch[1]} end
-- Its files may be in deletion.
if tonumber(batch[4]) <= now then return {'unknown'} end
local bucket = ARGV[9] ~= '' and find_bucket(ARGV[9])
if bucket and not has_request(bucket) then return {'spent', unpack(write_buckets())} end
if bucket then take_request(bucket) end
local deadline = stamp(now + tonumber(ARGV[2]))
redis.call('HSET', key, 'status', 'running', 'mends', ARGV[3], 'deadline', deadline)
redis.call('HDEL', key, 'completed', 'expires')
redis.call('HSET', key .. ':mends', ARGV[3], ARGV[4])
redis.call('ZREM', root .. 'batch_expiry', id)
redis.call('ZADD', root .. 'batch_deadlines', deadline, id)
accept_job(ARGV[5], ARGV[6], ARGV[7], ARGV[2], '', ARGV[8])
return {'ok', unpack(write_buckets())}
