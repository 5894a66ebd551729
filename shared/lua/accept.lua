-- ARGV: lane; list of its queue and a message in two pieces, between which the time belongs ('' for no message);
--       seconds for which a job is listed; longest wait in seconds, 0 for any; then for each job: id, spec, deadline in seconds, reply channel, attempts
--       allowed, place (see `read_place`).
-- Returns live workers, busy seconds and jobs of the lane, then for each job: created, position; in their place for a
-- job that was not accepted: the id that was accepted before and whether that was the same request ('same', 'other'), or
-- the seconds after which there is room for it, and 'full', or 'spent' when its key has no request left. Behind the jobs:
-- each bucket that was looked at, and its debt.
local lane, queue, listed_seconds, limit = ARGV[1], ARGV[2], ARGV[5], tonumber(ARGV[6])
local speed = redis.call('HMGET', load_key(lane), 'busy', 'jobs')
local answer = {redis.call('ZCOUNT', workers_key(lane), now, '+inf'), speed[1] or '', speed[2] or ''}
local ahead = redis.call('ZCARD', queued_key(lane))
local queued, deadlines, created, refused = {}, {}, stamp(now), 0
local each = limit > 0 and seconds_each(answer[1], speed[1], speed[2])
-- Whether anybody waits for room; nobody asks as long as nothing is limited.
local has_turns
for i = 7, #ARGV, 6 do
  local id, deadline = ARGV[i], stamp(now + tonumber(ARGV[i + 2]))
  local place = places[ARGV[i + 5]] or read_place(ARGV[i + 5])
  local terms = place.terms
  local bucket = place.bucket ~= '' and find_bucket(place.bucket)
  local earlier, is_same, delay
  if terms then earlier, is_same = find_earlier(id, terms) end
  -- What is recorded already was paid for: this script ran before.
  local is_spent = bucket and not earlier and not has_request(bucket) and redis.call('EXISTS', JOB .. id) == 0
  if each and not earlier and not is_spent then
    local wait = (ahead + #queued / 2 + 1) * each
    if has_turns == nil then has_turns = has_line(lane) end
    local own = math.min(tonumber(ARGV[i + 2]), place.patience or math.huge)
    delay = find_delay(lane, has_turns, place.start, id, ARGV[i + 1], terms, wait, each, limit, own)
  end
  if is_spent then
    refused = refused + 1
    table.insert(answer, stamp(bucket.debt + bucket.each - bucket.most))
    table.insert(answer, 'spent')
  elseif delay then
    has_turns = true
    refused = refused + 1
    table.insert(answer, stamp(delay))
    table.insert(answer, 'full')
  elseif earlier then
    table.insert(answer, earlier)
    table.insert(answer, is_same and 'same' or 'other')
  elseif write_job(lane, id, ARGV[i + 1], deadline, ARGV[i + 3], ARGV[i + 4]) then
    if terms then write_terms(id, terms) end
    if bucket then take_request(bucket) end
    table.insert(place.ids, id)
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
list_placed(listed_seconds)
for _, told in ipairs(write_buckets()) do table.insert(answer, told) end
-- A message of nothing but refused jobs would only keep a worker busy.
if queue ~= '' and refused * 6 < #ARGV - 6 then redis.call('LPUSH', queue, ARGV[3] .. created .. ARGV[4]) end
return answer
