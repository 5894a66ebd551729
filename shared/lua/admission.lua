-- Whether there is room for one more job; between terms.lua and accept.lua. Decision 0022 has the reasons.
-- The wait of a job is projected: jobs ahead * seconds of one worker for a job / live workers.

-- Shares of the longest wait: what a new job may take of it, and one that was told to come and does, so that it finds room
-- though others came before it. The rest is for what the projection cannot know.
local NEW, BACK = 0.6, 0.75
-- Up to this share of what a new job may take, everybody is let in.
local OPEN = 0.5
-- A turn is kept for so long after its time, and nobody is told to come back later than this.
local LATE, LONGEST = 5, 120
-- For so long it counts that an owner asked while there was a crowd.
local CROWD = 10

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

-- Returns nothing for a job that may come in, else the seconds after which it may.
-- wait: projected for it; each: what one job adds to that; limit: the longest wait, deadline: its own.
local function find_delay(lane, start, id, spec, terms, wait, each, limit, deadline)
  local most = math.min(limit, deadline)
  if wait <= most * NEW * OPEN or redis.call('EXISTS', JOB .. id) == 1 then return end
  local turns, turn = root .. 'turns:' .. lane, turn_of(start, id, spec, terms)
  redis.call('ZREMRANGEBYSCORE', turns, '-inf', now - LATE)
  local told, held = tonumber(redis.call('ZSCORE', turns, turn) or nil), redis.call('ZCARD', turns) * each
  local owners, has_more = read_crowd(lane, start)
  local room = most * NEW
  if has_more and owners > 1 then room = room * OPEN
  elseif told and told <= now + 1 then room = most * BACK
  -- Room is kept for those who were told to come; but not all of it, because they may not, nor from other owners.
  elseif owners == 1 then room = room - math.min(held, room * (1 - OPEN)) end
  if wait <= room then
    redis.call('ZREM', turns, turn)
    note_owner(lane, start, 1)
    return
  end
  note_owner(lane, start, 0)
  if told and told > now + 1 then return told - now end
  local delay = math.max(wait - most * NEW + held, each)
  -- A turn does not make the jobs ahead fewer, so whoever cannot wait for them has none.
  if delay <= LONGEST and deadline >= limit then
    redis.call('ZADD', turns, stamp(now + delay), turn)
    redis.call('EXPIRE', turns, LONGEST + 2 * LATE)
  end
  return math.min(delay, LONGEST)
end
