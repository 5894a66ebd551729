-- What the scripts of batches share; it stands between record.lua and each of them.
local function batch_is_final(status)
  return status ~= 'queued' and status ~= 'running' and status ~= 'finalizing'
end

local function batch_is_open(id)
  local status = redis.call('HGET', root .. 'batch:' .. id, 'status')
  return status and not batch_is_final(status)
end

-- The only place where a batch becomes final.
local function end_batch(id, status, error, retention)
  local key = root .. 'batch:' .. id
  -- Its client may want it gone sooner.
  local kept = math.min(tonumber(redis.call('HGET', key, 'retain') or retention), tonumber(retention))
  local expires = stamp(now + kept)
  redis.call('HSET', key, 'status', status, 'error', error, 'completed', stamp(now), 'expires', expires)
  redis.call('HINCRBY', root .. 'batches_ended', status, 1)
  redis.call('ZREM', root .. 'batch_deadlines', id)
  -- The files outlive the record by nothing: whoever deletes them deletes the record too.
  redis.call('ZADD', root .. 'batch_expiry', stamp(now + math.max(kept, HAND_OVER)), id)
  local batch = redis.call('HMGET', key, 'webhook_url', 'created')
  if batch[1] then
    tell_webhook(id, key, batch[1], retention, 'status', status, 'created', batch[2], 'completed', stamp(now),
                 'expires', expires, 'error', error)
  end
end

-- Ends the batch when there is a reason to: too many rows without a prediction, or every chunk is done.
local function settle(id, retention, aborted, too_many)
  local batch = redis.call('HMGET', root .. 'batch:' .. id, 'abort', 'max_error_ratio', 'rows_failed', 'rows_total',
                           'chunks_total', 'chunks_done')
  local failed, total = tonumber(batch[3]), tonumber(batch[4])
  if batch[1] == '1' and failed > 0 then end_batch(id, 'failed', aborted, retention)
  elseif total and failed > tonumber(batch[2]) * total then end_batch(id, 'failed', too_many, retention)
  elseif total and batch[5] == batch[6] then end_batch(id, 'completed', '', retention) end
end
