-- What some submissions ask for besides; it stands between record.lua and the scripts that take them.

-- terms: 'retain key digest seconds', each '-' where it does not apply: seconds for which the final job is kept; the
-- idempotency key ('=' for the job's own id), the hash of what was asked for, and for how long the key is kept.
local function read_terms(text)
  local keep, key, digest, seconds = string.match(text, '^(%S+) (%S+) (%S+) (%S+)$')
  return {retain = keep ~= '-' and keep, key = key ~= '-' and key, digest = digest, seconds = seconds}
end

-- Where jobs are listed, their terms, their bucket and patience: 'start of the list' and, each behind a line feed, terms and a
-- bucket if there are any, and for how many seconds their clients wait if they take no later answer. Read once for all jobs
-- that have the same.
local places, owned = {}, {}
local function read_place(text)
  local start, terms, bucket, patience = string.match(text, '^([^\n]*)\n?([^\n]*)\n?([^\n]*)\n?(.*)$')
  owned[start] = owned[start] or {}
  local place = {start = start, ids = owned[start], terms = terms ~= '' and read_terms(terms), bucket = bucket,
                 patience = tonumber(patience)}
  places[text] = place
  return place
end

local function list_placed(seconds)
  -- The steps of batches are in no list.
  owned[''] = nil
  list_jobs(owned, seconds)
end

local function once_key(terms) return root .. 'once:' .. terms.key end

-- Returns the id of the job that was accepted for this key before, and whether the request was the same.
local function find_earlier(id, terms)
  if not terms.key then
    -- This script ran before, and the job is gone already.
    if terms.retain and redis.call('EXISTS', GONE .. id) == 1 then return id, true end
    return false
  end
  if terms.key == '=' then
    local digest = redis.call('HGET', JOB .. id, 'digest') or redis.call('GET', GONE .. id)
    -- Of a record that was deleted only that it was there is known.
    return digest and id, digest == terms.digest or digest == '1'
  end
  local known = redis.call('GET', once_key(terms))
  if not known then return false end
  local earlier, digest = string.match(known, '^(%S+) (%S+)$')
  -- Its own id: this script ran before, and its answer was lost.
  if earlier == id and redis.call('EXISTS', GONE .. id) == 0 then return false end
  redis.call('SET', once_key(terms), known, 'KEEPTTL')
  return earlier, digest == terms.digest
end

local function write_terms(id, terms)
  if terms.retain then redis.call('HSET', JOB .. id, 'retain', terms.retain) end
  if terms.key == '=' then redis.call('HSET', JOB .. id, 'digest', terms.digest)
  elseif terms.key then redis.call('SET', once_key(terms), id .. ' ' .. terms.digest, 'EX', terms.seconds) end
end
