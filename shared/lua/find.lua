-- ARGV: retention, outcome of an expired job, then ids.
-- Returns for each id: nothing, or the record as field, value …, then while queued: position, live workers, busy
--         seconds, jobs of the lane. A job that was deleted is not found.
local answer, is_there, queued_in, lanes = {}, {}, {}, {}
for i = 3, #ARGV do
  local id = ARGV[i]
  local job = redis.pcall('HMGET', JOB .. id, 'status', 'deadline', 'lane', 'deleted')
  local deadline = tonumber(job[2])
  is_there[id] = job[1] and not job[4]
  -- The sweeper would do the same within a second; without any worker alive nobody else does.
  if is_there[id] and not is_final(job[1]) and deadline and deadline <= now then
    pcall(finalize, id, 'expired', ARGV[2], ARGV[1])
  elseif is_there[id] and job[1] == 'queued' then queued_in[id] = job[3] end
end
close_ended()

local function describe_lane(lane)
  local speed = redis.call('HMGET', load_key(lane), 'busy', 'jobs')
  return {redis.call('ZCOUNT', workers_key(lane), now, '+inf'), speed[1] or '', speed[2] or ''}
end

for i = 3, #ARGV do
  local id = ARGV[i]
  local lane, record = queued_in[id], is_there[id] and redis.call('HGETALL', JOB .. id) or {}
  if #record == 0 then table.insert(answer, {})
  elseif not lane then table.insert(answer, {record})
  else
    lanes[lane] = lanes[lane] or describe_lane(lane)
    table.insert(answer, {record, {redis.call('ZRANK', queued_key(lane), id) or 0, unpack(lanes[lane])}})
  end
end
return answer
