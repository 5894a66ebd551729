-- ARGV: lane, then for each job: id, spec, deadline in seconds, reply channel.
-- Returns live workers, busy seconds and jobs of the lane, then for each job: created, position.
local lane = ARGV[1]
local queued = queued_key(lane)
local speed = redis.call('HMGET', load_key(lane), 'busy', 'jobs')
local answer = {redis.call('ZCOUNT', workers_key(lane), now, '+inf'), speed[1] or '', speed[2] or ''}
for i = 2, #ARGV, 4 do
  local id, key = ARGV[i], JOB .. ARGV[i]
  if redis.call('EXISTS', key) == 0 then
    local deadline = stamp(now + tonumber(ARGV[i + 2]))
    redis.call('HSET', key, 'spec', ARGV[i + 1], 'lane', lane, 'status', 'queued', 'attempt', 0,
               'created', stamp(now), 'deadline', deadline, 'reply_to', ARGV[i + 3])
    redis.call('ZADD', queued, stamp(now), id)
    redis.call('ZADD', DEADLINES, deadline, id)
  end
  table.insert(answer, redis.call('HGET', key, 'created'))
  table.insert(answer, redis.call('ZRANK', queued, id) or 0)
end
return answer
