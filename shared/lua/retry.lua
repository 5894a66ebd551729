-- Queues a failed or expired job again, under its id: the one way out of a final status, at its client's request only.
-- ARGV: id, token of this request, deadline in seconds, attempts allowed from now on, bucket or '', longest wait in seconds
--       or 0 for any, start of the list that it is in.
-- Returns queued and the time at which it was; full and the seconds after which there is room; or unknown, input_dropped,
-- not_retryable or spent, and 0; and behind that, once a bucket was looked at, it and its debt.
local id, key = ARGV[1], JOB .. ARGV[1]
local job = redis.call('HMGET', key, 'status', 'retried_by', 'retried', 'input', 'deleted', 'lane', 'attempt')
if not job[1] or job[5] then return {'unknown', '0'} end
if job[2] == ARGV[2] then
  -- This script ran before. Written again, so that whoever waits for replicas waits for this retry, and not for nothing.
  redis.call('HSET', key, 'retried', job[3])
  return {'queued', job[3]}
end
if job[1] ~= 'failed' and job[1] ~= 'expired' then return {'not_retryable', '0'} end
if job[4] then return {'input_dropped', '0'} end
local bucket = ARGV[5] ~= '' and find_bucket(ARGV[5])
if bucket and not has_request(bucket) then return {'spent', '0', unpack(write_buckets())} end
local limit, lane = tonumber(ARGV[6]), job[6]
local speed = limit > 0 and redis.call('HMGET', load_key(lane), 'busy', 'jobs')
local each = speed and seconds_each(redis.call('ZCOUNT', workers_key(lane), now, '+inf'), speed[1], speed[2])
if each then
  -- It stands in the line under another name than its own, because its record is there.
  local name, wait = id .. '*', (redis.call('ZCARD', queued_key(lane)) + 1) * each
  local delay = find_delay(lane, has_line(lane), ARGV[7], name, '', {key = '='}, wait, each, limit, tonumber(ARGV[3]))
  if delay then return {'full', stamp(delay), unpack(write_buckets())} end
end
if bucket then take_request(bucket) end
local deadline = stamp(now + tonumber(ARGV[3]))
redis.call('HSET', key, 'status', 'queued', 'token', '', 'deadline', deadline, 'allowed', job[7] + ARGV[4],
           'retried', stamp(now), 'retried_by', ARGV[2])
redis.call('HINCRBY', key, 'retries', 1)
redis.call('HDEL', key, 'outcome', 'started', 'completed', 'expires', 'cancel')
redis.call('PERSIST', key)
redis.call('DEL', GONE .. id)
redis.call('ZREM', QUARANTINE, id)
redis.call('ZADD', queued_key(lane), stamp(now), id)
redis.call('ZADD', DEADLINES, deadline, id)
return {'queued', stamp(now), unpack(write_buckets())}
