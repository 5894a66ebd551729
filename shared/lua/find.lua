-- ARGV: id, retention, outcome of an expired job.
-- Returns the record as field, value …, then while queued: position, live workers, busy seconds, jobs of the lane.
local id, key = ARGV[1], JOB .. ARGV[1]
local job = redis.call('HMGET', key, 'status', 'deadline', 'lane', 'deleted')
if not job[1] or job[4] then return {} end
-- The sweeper would do the same within a second; without any worker alive nobody else does.
if not is_final(job[1]) and tonumber(job[2]) <= now then
  finalize(id, 'expired', ARGV[3], ARGV[2])
  close_ended()
end
local record = redis.call('HGETALL', key)
if job[1] ~= 'queued' then return {record} end
local speed = redis.call('HMGET', load_key(job[3]), 'busy', 'jobs')
return {record, {redis.call('ZRANK', queued_key(job[3]), id) or 0,
                 redis.call('ZCOUNT', workers_key(job[3]), now, '+inf'), speed[1] or '', speed[2] or ''}}
