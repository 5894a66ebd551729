-- What every script shares; the store puts this text in front of each of them.
-- KEYS[1] is the start of every key: "{prefix}:". All keys therefore live on one shard, and a script may build them.
-- Each script may run twice (the client retries after a lost answer) and must then answer the same.
local root = KEYS[1]
local JOB, DEADLINES, RUNNING, QUARANTINE = root .. 'job:', root .. 'deadlines', root .. 'running', root .. 'quarantine'
local function queued_key(lane) return root .. 'queued:' .. lane end
local function load_key(lane) return root .. 'load:' .. lane end
local function workers_key(lane) return root .. 'workers:' .. lane end

-- The server's clock is the only clock of a job.
local function read_clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1e6
end
local now = read_clock()
local function stamp(seconds) return string.format('%.6f', seconds) end

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
  return redis.call('HMGET', JOB .. id, 'lane', 'reply_to', 'attempt', 'created', 'started', 'cancel', ...)
end

-- The only place where a job becomes final; `close_ended` must follow.
local function finalize(id, status, outcome, retention, facts)
  facts = facts or read_facts(id)
  local key, completed, expires = JOB .. id, stamp(now), stamp(now + tonumber(retention))
  redis.call('HSET', key, 'status', status, 'outcome', outcome, 'completed', completed, 'expires', expires)
  redis.call('EXPIRE', key, retention)
  table.insert(ended, id)
  append(ended_in, facts[1], id)
  local how = facts[1] .. ':' .. status
  ended_as[how] = (ended_as[how] or 0) + 1
  if facts[2] ~= '' then append(told, facts[2], describe_end(id, status, facts, completed, expires, outcome)) end
end

-- Writes the record of a job and returns true, unless it is there already; the sets of open jobs are the caller's.
local function write_job(lane, id, spec, deadline, reply_to, allowed)
  local key = JOB .. id
  if redis.call('EXISTS', key) == 1 then return false end
  redis.call('HSET', key, 'spec', spec, 'lane', lane, 'status', 'queued', 'attempt', 0, 'created', stamp(now),
             'deadline', deadline, 'reply_to', reply_to, 'allowed', allowed)
  return true
end

local function accept_job(lane, id, spec, deadline_seconds, reply_to, allowed)
  local deadline = stamp(now + tonumber(deadline_seconds))
  if write_job(lane, id, spec, deadline, reply_to, allowed) then
    redis.call('ZADD', queued_key(lane), stamp(now), id)
    redis.call('ZADD', DEADLINES, deadline, id)
  end
end
