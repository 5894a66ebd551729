-- ARGV: lane, then for each job: id, spec, deadline in seconds, reply channel, attempts allowed.
-- Returns live workers, busy seconds and jobs of the lane, then for each job: created, position.
local lane = ARGV[1]
local speed = redis.call('HMGET', load_key(lane), 'busy', 'jobs')
local answer = {redis.call('ZCOUNT', workers_key(lane), now, '+inf'), speed[1] or '', speed[2] or ''}
for i = 2, #ARGV, 5 do
  accept_job(lane, ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4])
  table.insert(answer, redis.call('HGET', JOB .. ARGV[i], 'created'))
  table.insert(answer, redis.call('ZRANK', queued_key(lane), ARGV[i]) or 0)
end
return answer
