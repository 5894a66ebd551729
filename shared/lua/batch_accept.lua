-- ARGV: id, spec, deadline in seconds, abort on error (1 or 0), largest error ratio,
--       then the job of the first step: lane, id, spec, attempts allowed; list that the batch belongs in, and '' or its
--       terms; URL of its webhook or ''; bucket or ''; seconds for which it is kept once it is final, or ''.
-- Returns when the batch was accepted, and new; or the id that was accepted before, and same or other; or '' and spent.
-- Behind that, once the bucket was looked at: it and its debt.
if ARGV[11] ~= '' then
  local earlier, is_same = find_earlier(ARGV[1], read_terms(ARGV[11]))
  if earlier then return {earlier, is_same and 'same' or 'other'} end
end
local key = root .. 'batch:' .. ARGV[1]
local bucket = ARGV[13] ~= '' and find_bucket(ARGV[13])
if redis.call('EXISTS', key) == 0 then
  if bucket and not has_request(bucket) then return {'', 'spent', unpack(write_buckets())} end
  if bucket then take_request(bucket) end
  local deadline = stamp(now + tonumber(ARGV[3]))
  redis.call('HSET', key, 'spec', ARGV[2], 'status', 'queued', 'created', stamp(now), 'deadline', deadline,
             'abort', ARGV[4], 'max_error_ratio', ARGV[5], 'rows_done', 0, 'rows_failed', 0, 'chunks_done', 0, 'list', ARGV[10])
  redis.call('ZADD', root .. ARGV[10], stamp(now), ARGV[1])
  if ARGV[11] ~= '' then write_terms(ARGV[1], read_terms(ARGV[11])) end
  if ARGV[12] ~= '' then redis.call('HSET', key, 'webhook_url', ARGV[12]) end
  if ARGV[14] ~= '' then redis.call('HSET', key, 'retain', ARGV[14]) end
  redis.call('ZADD', root .. 'batch_deadlines', deadline, ARGV[1])
  accept_job(ARGV[6], ARGV[7], ARGV[8], ARGV[3], '', ARGV[9])
end
local created = redis.call('HGET', key, 'created')
-- Written again, so that a second call waits for replicas that have this record, and not for nothing.
redis.call('HSET', key, 'created', created)
return {created, 'new', unpack(write_buckets())}
