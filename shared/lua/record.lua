-- What every script shares; the store puts this text in front of each of them.
-- KEYS[1] is the start of every key: "{prefix}:". All keys therefore live on one shard, and a script may build them.
-- Each script may run twice (the client retries after a lost answer) and must then answer the same.
local root = KEYS[1]
local JOB, DEADLINES, RUNNING, QUARANTINE = root .. 'job:', root .. 'deadlines', root .. 'running', root .. 'quarantine'
local GONE = root .. 'gone:'
local function queued_key(lane) return root .. 'queued:' .. lane end
local function load_key(lane) return root .. 'load:' .. lane end
local function workers_key(lane) return root .. 'workers:' .. lane end

-- The server's clock is the only clock of a job.
local function read_clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1e6
end
local now = read_clock()
-- A time as text. Most jobs of a message share theirs, and each costs a microsecond to write.
local stamps = {}
local function stamp(seconds)
  stamps[seconds] = stamps[seconds] or string.format('%.6f', seconds)
  return stamps[seconds]
end

local function is_final(status) return status ~= 'queued' and status ~= 'running' end

-- Sorted sets are changed for many jobs at once, because each call of the server costs a script a microsecond or two.
local CHUNK = 1000
local function each_chunk(list, call)
  for first = 1, #list, CHUNK do call(unpack(list, first, math.min(first + CHUNK - 1, #list))) end
end

-- Jobs that became final in this script: all of them, by lane, how many by lane and status, and what to tell the API
-- processes that asked for them.
local ended, ended_in, ended_as, told = {}, {}, {}, {}
-- A larger outcome is not told but looked up, because a channel buffers what its listeners have not read yet.
local LARGEST_TOLD_OUTCOME = 65536

-- Takes the final jobs out of the sets of open ones, and tells who waits; every script ends with it.
local function close_ended()
  each_chunk(ended, function(...) redis.call('ZREM', RUNNING, ...) redis.call('ZREM', DEADLINES, ...) end)
  for lane, ids in pairs(ended_in) do each_chunk(ids, function(...) redis.call('ZREM', queued_key(lane), ...) end) end
  for how, number in pairs(ended_as) do redis.call('HINCRBY', root .. 'jobs_ended', how, number) end
  for channel, ends in pairs(told) do redis.call('PUBLISH', channel, '[' .. table.concat(ends, ',') .. ']') end
  ended, ended_in, ended_as, told = {}, {}, {}, {}
end

local function append(lists, key, item)
  lists[key] = lists[key] or {}
  table.insert(lists[key], item)
end

-- One JSON array: id, status, attempt, created, started, completed, expires, whether it was asked to cancel, outcome.
local function describe_end(id, status, facts, completed, expires, outcome)
  return '["' .. id .. '","' .. status .. '",' .. facts[3] .. ',' .. facts[4] .. ',' .. (facts[5] or 'null') .. ','
         .. completed .. ',' .. expires .. ',' .. (facts[6] and 'true' or 'false') .. ','
         .. (#outcome <= LARGEST_TOLD_OUTCOME and outcome or 'null') .. ']'
end

-- What `finalize` must know of a job; further fields may be asked for in the same call.
local function read_facts(id, ...)
  return redis.pcall('HMGET', JOB .. id, 'lane', 'reply_to', 'attempt', 'created', 'started', 'cancel', 'retain', 'deleted',
                    'webhook_url', ...)
end

-- Lays into the outbox that a job or batch has ended. The message holds all that it says, because it may outlive the
-- record. What is taken up again ends once more, and that is another message.
local function tell_webhook(id, key, url, retention, ...)
  local message = 'msg_' .. id .. '_' .. redis.call('HINCRBY', key, 'ends', 1)
  redis.call('HSET', root .. 'webhook:' .. message, 'url', url, 'record', key, 'retention', retention, 'attempts', 0,
             'id', redis.call('HGET', key, 'told_as') or id, ...)
  redis.call('ZADD', root .. 'webhooks_due', stamp(now), message)
  redis.call('HSET', key, 'webhook_message', message, 'delivery', '{"status":"pending","attempts":0}')
end

-- Deletes a record before its time. What stays says that it is not lost, for as long as a message could restore it.
local function erase(id, retention)
  redis.call('DEL', JOB .. id)
  redis.call('SET', GONE .. id, 1, 'EX', retention)
end

-- The rows stand last in a spec, and no text in it can hold this with its quotes as they are.
local function without_rows(spec)
  local at = string.find(spec, ',"rows":[', 1, true)
  return at and string.sub(spec, 1, at - 1) .. '}' or spec
end

-- A job of which nothing is to be kept can be looked up for so long by those who wait for it.
local HAND_OVER = 5
-- Shortens the life of a final record as its client asked; returns when it ends.
local function retain(id, retention, wanted)
  if wanted >= tonumber(retention) then return stamp(now + tonumber(retention)) end
  local key = JOB .. id
  if wanted == 0 then redis.call('HSET', key, 'spec', without_rows(redis.call('HGET', key, 'spec')), 'input', 'dropped') end
  redis.call('EXPIRE', key, math.max(wanted, HAND_OVER))
  redis.call('SET', GONE .. id, 1, 'EX', retention)
  return stamp(now + wanted)
end

-- The only place where a job becomes final; `close_ended` must follow.
local function finalize(id, status, outcome, retention, facts)
  facts = facts or read_facts(id)
  -- Before anything is written: a record that is not whole is left as it is, and the caller hears an error.
  local how = facts[1] .. ':' .. status
  local key, completed, expires = JOB .. id, stamp(now), stamp(now + tonumber(retention))
  redis.call('HSET', key, 'status', status, 'outcome', outcome, 'completed', completed, 'expires', expires)
  redis.call('EXPIRE', key, retention)
  if facts[7] then
    expires = retain(id, retention, tonumber(facts[7]))
    redis.call('HSET', key, 'expires', expires)
  end
  if facts[9] then
    tell_webhook(id, key, facts[9], retention, 'status', status, 'created', facts[4], 'completed', completed,
                 'expires', expires, 'error', status == 'succeeded' and '' or outcome)
  end
  if facts[8] then erase(id, retention) end
  table.insert(ended, id)
  append(ended_in, facts[1], id)
  ended_as[how] = (ended_as[how] or 0) + 1
  if facts[2] and facts[2] ~= '' then append(told, facts[2], describe_end(id, status, facts, completed, expires, outcome)) end
end

-- Jobs by owner in the order in which they were accepted: a list for each SPAN, which is trimmed at its oldest end, and goes
-- as a whole at last. LISTS: all of them, by when they are looked at next. TRIMMED: how many jobs each has lost so far.
local SPAN, LISTS, TRIMMED = 600, root .. 'lists', root .. 'lists_trimmed'
local function list_jobs(owned, seconds)
  for start, ids in pairs(owned) do
    local name = start .. math.floor(now / SPAN)
    each_chunk(ids, function(...)
      if redis.call('RPUSH', root .. name, ...) == select('#', ...) then
        redis.call('EXPIRE', root .. name, seconds)
        redis.call('ZADD', LISTS, stamp(now), name)
      end
    end)
  end
end

-- Writes the record of a job and returns true, unless it is there already; the sets of open jobs are the caller's.
local function write_job(lane, id, spec, deadline, reply_to, allowed)
  local key = JOB .. id
  if redis.call('EXISTS', key) == 1 then return false end
  redis.call('HSET', key, 'spec', spec, 'lane', lane, 'status', 'queued', 'attempt', 0, 'created', stamp(now),
             'deadline', deadline, 'reply_to', reply_to, 'allowed', allowed)
  -- A spec begins with its webhook, so that one without is not searched.
  local webhook_url = string.match(spec, '^{"extras":{"webhook_url":"([^"]+)"')
  if webhook_url then
    -- Its client knows it by the id that it made.
    local own_id = string.match(spec, '^{"extras":{"webhook_url":"[^"]+","client_id":"([^"]+)"')
    redis.call('HSET', key, 'webhook_url', webhook_url, 'told_as', own_id or id)
  end
  return true
end

local function accept_job(lane, id, spec, deadline_seconds, reply_to, allowed)
  local deadline = stamp(now + tonumber(deadline_seconds))
  if write_job(lane, id, spec, deadline, reply_to, allowed) then
    redis.call('ZADD', queued_key(lane), stamp(now), id)
    redis.call('ZADD', DEADLINES, deadline, id)
  end
end
