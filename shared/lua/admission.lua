-- Whether there is room for one more job; between terms.lua and accept.lua or retry.lua, and only where a limit is set.
-- Decision 0022 has the reasons.
-- The wait of a job is projected: jobs ahead * seconds of one worker for a job / live workers.
-- Whoever is refused stands in a line: `turns` has its place, by when it was first told to come, and `calls` when it was
-- told to come next.

-- Shares of the longest wait: what a new job may take of it, and one that was told to come and does, so that it finds room
-- though others came before it. The rest is for what the projection cannot know.
local NEW, BACK = 0.5, 0.6
-- Of what a new job may take: so much is open to an owner that has had more than its share, and so much to everybody though
-- a line waits, because those in it may not come.
local SHARED, OPEN = 0.5, 0.25
-- Those who wait are told to come so much more slowly than jobs are taken: if the workers get slower, they find room all the same.
local SPACING = 1.1
-- A turn is kept for so long after its time; nobody is told to come back later than this, and no more than so many are kept.
local LATE, LONGEST, MOST = 5, 300, 100000
-- For so long it counts that an owner asked while there was a crowd.
local CROWD = 10

-- Returns what one job adds to the wait, also while no worker lives: one will come. Nothing while no speed is known.
local function seconds_each(workers, busy, jobs)
  return tonumber(jobs or 0) > 0 and busy / jobs / math.max(workers, 1)
end

local function turns_key(lane) return root .. 'turns:' .. lane end
local function calls_key(lane) return root .. 'calls:' .. lane end

-- Says whether anybody waits in line. Those who did not come have left it.
local function has_line(lane)
  if redis.call('EXISTS', calls_key(lane)) == 0 then return false end
  local gone = redis.call('ZRANGEBYSCORE', calls_key(lane), '-inf', stamp(now - LATE))
  each_chunk(gone, function(...) redis.call('ZREM', turns_key(lane), ...) redis.call('ZREM', calls_key(lane), ...) end)
  return true
end

-- The same for whoever sends the same again: its idempotency key or own id, or else a hash over owner and rows.
local function turn_of(start, id, spec, terms)
  if terms and terms.key then return terms.key == '=' and id or terms.key end
  return redis.sha1hex(start .. string.sub(spec, string.find(spec, ',"rows":[', 1, true) or 1))
end

-- Counts, of those who ask while there is a crowd, who was let in.
local function crowd_key(lane) return root .. 'crowd:' .. lane .. ':' .. math.floor(now / CROWD) end
local function note_owner(lane, start, let_in)
  redis.call('HINCRBY', crowd_key(lane), start, let_in)
  redis.call('HINCRBY', crowd_key(lane), '*', let_in)
  redis.call('EXPIRE', crowd_key(lane), 2 * CROWD)
end

-- Says how many owners ask, and whether this one has had more than its even share of the room.
local function read_crowd(lane, start)
  local owners = math.max(redis.call('HLEN', crowd_key(lane)) - 1, 1)
  local had = redis.call('HMGET', crowd_key(lane), start, '*')
  return owners, tonumber(had[1] or 0) * owners > tonumber(had[2] or 0) + owners
end

-- Writes down when somebody is to come next; its place in the line stays what it was.
local function call_in(lane, turn, delay)
  redis.call('ZADD', turns_key(lane), 'NX', stamp(now + delay), turn)
  redis.call('ZADD', calls_key(lane), stamp(now + delay), turn)
  redis.call('EXPIRE', turns_key(lane), LONGEST + 2 * LATE)
  redis.call('EXPIRE', calls_key(lane), LONGEST + 2 * LATE)
end

-- Returns the longest wait that this job may have now.
-- most: the longest that it may ever have; ahead: seconds of work of those who stand before it in the line.
local function find_room(lane, start, most, ahead, is_back)
  local owners, has_more = read_crowd(lane, start)
  if has_more and owners > 1 then return most * NEW * SHARED end
  if is_back then return math.max(most * BACK - ahead, most * NEW * SHARED) end
  -- Not from other owners, because the line may be of one.
  return owners > 1 and most * NEW or math.max(most * NEW - ahead, most * NEW * OPEN)
end

-- Returns nothing for a job that may come in, else the seconds after which it may.
-- has_line: what the function of that name said; wait: projected for it; each: what one job adds to that; limit: the
-- longest wait, deadline: its own.
local function find_delay(lane, has_line, start, id, spec, terms, wait, each, limit, deadline)
  local most = math.min(limit, deadline)
  if not has_line and wait <= most * NEW * SHARED or redis.call('EXISTS', JOB .. id) == 1 then return end
  local turn = turn_of(start, id, spec, terms)
  local called = tonumber(redis.call('ZSCORE', calls_key(lane), turn) or nil)
  local place = called and redis.call('ZRANK', turns_key(lane), turn) or redis.call('ZCARD', turns_key(lane))
  local is_back, ahead = called and called <= now + 1, place * each
  local room = find_room(lane, start, most, ahead, is_back)
  if wait <= room then
    if called then
      redis.call('ZREM', turns_key(lane), turn)
      redis.call('ZREM', calls_key(lane), turn)
    end
    note_owner(lane, start, 1)
    return
  end
  note_owner(lane, start, 0)
  if called and not is_back then return called - now end
  local delay = is_back and math.max(wait - most * BACK + ahead, each) or math.max(wait - most * NEW, 0) + (ahead + each) * SPACING
  -- A turn does not make the jobs ahead fewer, so whoever cannot wait for them has none.
  if called or (delay <= LONGEST and place < MOST and deadline >= limit) then call_in(lane, turn, delay) end
  return math.min(delay, LONGEST)
end
