-- ARGV: lane; list of its queue and a message in two pieces, between which the time belongs ('' for no message);
--       then for each job: id, spec, deadline in seconds, reply channel, attempts allowed.
-- Returns live workers, busy seconds and jobs of the lane, then for each job: created, position.
local lane, queue = ARGV[1], ARGV[2]
local speed = redis.call('HMGET', load_key(lane), 'busy', 'jobs')
local answer = {redis.call('ZCOUNT', workers_key(lane), now, '+inf'), speed[1] or '', speed[2] or ''}
local ahead = redis.call('ZCARD', queued_key(lane))
local queued, deadlines, created = {}, {}, stamp(now)
for i = 5, #ARGV, 5 do
  local id, deadline = ARGV[i], stamp(now + tonumber(ARGV[i + 2]))
  if write_job(lane, id, ARGV[i + 1], deadline, ARGV[i + 3], ARGV[i + 4]) then
    table.insert(answer, created)
    table.insert(answer, ahead + #queued / 2)
    table.insert(queued, created)
    table.insert(queued, id)
    table.insert(deadlines, deadline)
    table.insert(deadlines, id)
  else
    local first = redis.call('HGET', JOB .. id, 'created')
    -- Written again, so that whoever waits for replicas waits for this record, and not for nothing.
    redis.call('HSET', JOB .. id, 'created', first)
    table.insert(answer, first)
    table.insert(answer, redis.call('ZRANK', queued_key(lane), id) or 0)
  end
end
each_chunk(queued, function(...) redis.call('ZADD', queued_key(lane), ...) end)
each_chunk(deadlines, function(...) redis.call('ZADD', DEADLINES, ...) end)
if queue ~= '' then redis.call('LPUSH', queue, ARGV[3] .. created .. ARGV[4]) end
return answer
