-- What the scripts of the quarantine share; it stands behind record.lua and batch.lua.

-- Takes a job out of quarantine: its answer stays for as long as that of any other job, its input goes.
-- spec: the job's own without rows. batch: id of the batch it is a step of, or ''.
local function leave_quarantine(id, retention, spec, batch)
  local key = JOB .. id
  local function time_left(completed) return math.max(tonumber(completed) + tonumber(retention) - now, 1) end
  redis.call('ZREM', QUARANTINE, id)
  local completed = redis.call('HGET', key, 'completed')
  if completed then
    local left = time_left(completed)
    redis.call('HSET', key, 'spec', spec, 'input', 'dropped', 'expires', stamp(now + left))
    redis.call('EXPIRE', key, math.ceil(left))
  end
  local batch_key = root .. 'batch:' .. batch
  local ended = batch ~= '' and redis.call('HGET', batch_key, 'completed')
  if ended then
    local until_when = stamp(now + time_left(ended))
    redis.call('HSET', batch_key, 'expires', until_when)
    redis.call('ZADD', root .. 'batch_expiry', until_when, batch)
  end
end
