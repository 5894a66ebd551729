-- Takes out of the lists of jobs, at their oldest ends, those that have no record any more. A job that is kept for longer
-- than those behind it keeps them too, but only in its own list.
-- ARGV: most jobs to look at. Returns how many more it might have looked at; 0 or less: there may be more to take out.
local budget = tonumber(ARGV[1])
local PIECE, LISTS_AT_ONCE = 100, 100
-- Seconds until a list is looked at again.
local PAUSE = 30

-- Returns how many of the ids have no record, up to the first that has one.
local function count_gone(ids)
  local records = {}
  for i, id in ipairs(ids) do records[i] = JOB .. id end
  if redis.call('EXISTS', unpack(records)) == 0 then return #ids end
  local gone = 0
  while redis.call('EXISTS', records[gone + 1]) == 0 do gone = gone + 1 end
  return gone
end

-- Returns whether the list is done with for now.
local function trim(name)
  while budget > 0 do
    local ids = redis.call('LRANGE', root .. name, 0, PIECE - 1)
    if #ids == 0 then return true end
    local gone = count_gone(ids)
    budget = budget - #ids
    if gone > 0 then
      redis.call('LTRIM', root .. name, gone, -1)
      -- A page goes on at a place in the list.
      redis.call('HINCRBY', TRIMMED, name, gone)
    end
    if gone < #ids then return true end
  end
end

for _, name in ipairs(redis.call('ZRANGEBYSCORE', LISTS, '-inf', stamp(now), 'LIMIT', 0, LISTS_AT_ONCE)) do
  if not trim(name) then return budget end
  local ends = (tonumber(string.match(name, '%d+$')) + 1) * SPAN
  if ends < now and redis.call('EXISTS', root .. name) == 0 then
    redis.call('ZREM', LISTS, name)
    redis.call('HDEL', TRIMMED, name)
  else redis.call('ZADD', LISTS, stamp(now + PAUSE), name) end
end
return budget
