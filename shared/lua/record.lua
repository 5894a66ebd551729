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

-- Jobs that became final in this script, by the channel of the API process that asked for them.
local finished = {}
local function tell_waiters()
  for channel, ids in pairs(finished) do redis.call('PUBLISH', channel, table.concat(ids, ' ')) end
end

-- Writes the record of a job, unless it is there already.
local function accept_job(lane, id, spec, deadline_seconds, reply_to, allowed)
  local key = JOB .. id
  if redis.call('EXISTS', key) == 1 then return end
  local deadline = stamp(now + tonumber(deadline_seconds))
  redis.call('HSET', key, 'spec', spec, 'lane', lane, 'status', 'queued', 'attempt', 0, 'created', stamp(now),
             'deadline', deadline, 'reply_to', reply_to, 'allowed', allowed)
  redis.call('ZADD', queued_key(lane), stamp(now), id)
  redis.call('ZADD', DEADLINES, deadline, id)
end

-- The only place where a job becomes final.
local function finalize(id, status, outcome, retention)
  local key = JOB .. id
  local facts = redis.call('HMGET', key, 'lane', 'reply_to')
  redis.call('HSET', key, 'status', status, 'outcome', outcome,
             'completed', stamp(now), 'expires', stamp(now + tonumber(retention)))
  redis.call('EXPIRE', key, retention)
  redis.call('ZREM', queued_key(facts[1]), id)
  redis.call('ZREM', RUNNING, id)
  redis.call('ZREM', DEADLINES, id)
  if facts[2] ~= '' then
    finished[facts[2]] = finished[facts[2]] or {}
    table.insert(finished[facts[2]], id)
  end
end
