-- ARGV: retention, quarantine retention, resend after seconds, most jobs to send again,
--       outcomes: expired, worker died, canceled; error of a batch that lost a step; then for each lane: lane, when its oldest message was enqueued
--       ('' when the queue is empty, '-inf' when its broker cannot tell and does not lose messages).
-- Returns the time, how many expired, how many were set aside, id, spec and attempt of each job to send again, and the ids
-- of those whose records are not whole.
local retention, quarantine_retention = ARGV[1], ARGV[2]
local resend_after, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local expired, died, canceled, step_lost = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local expired_count, quarantined_count, resend = 0, 0, {}

-- Jobs whose records are not whole; one such must not keep all others from their turn, now and at every sweep.
local broken = {}
local function try(id, work, ...)
  if not pcall(work, id, ...) then table.insert(broken, id) end
end

-- A job without a record counts as final; raises an error for what is no record of a job.
local function read_status(id)
  local status = redis.call('HGET', JOB .. id, 'status')
  if not status and redis.call('EXISTS', JOB .. id) == 1 then error('no status') end
  return status or 'gone'
end

local function send_again(id, lane)
  redis.call('ZADD', queued_key(lane), stamp(now), id)
  local job = redis.call('HMGET', JOB .. id, 'spec', 'attempt')
  table.insert(resend, {id, job[1] or '', job[2] or ''})
end

local function due(key, until_when)
  return redis.call('ZRANGEBYSCORE', key, '-inf', until_when, 'LIMIT', 0, most - #resend)
end

local function expire(id)
  if is_final(read_status(id)) then
    redis.call('ZREM', DEADLINES, id)
  else
    finalize(id, 'expired', expired, retention)
    expired_count = expired_count + 1
  end
end
for _, id in ipairs(due(DEADLINES, stamp(now))) do try(id, expire) end
close_ended()

local function end_lease(id)
  local key = JOB .. id
  local job = redis.call('HMGET', key, 'lane', 'attempt', 'cancel', 'allowed', 'spec', 'retain')
  if is_final(read_status(id)) then
    redis.call('ZREM', RUNNING, id)
  elseif job[3] then
    finalize(id, 'canceled', canceled, retention)
  elseif tonumber(job[2]) >= tonumber(job[4]) then
    local step = cjson.decode(job[5])['step']
    finalize(id, 'failed', died, quarantine_retention)
    local batch_id = type(step) == 'table' and step['batch_id']
    -- Not what its client wants gone sooner.
    if not (job[6] or batch_id and redis.call('HGET', root .. 'batch:' .. batch_id, 'retain')) then
      redis.call('ZADD', QUARANTINE, stamp(now + tonumber(quarantine_retention)), id)
      quarantined_count = quarantined_count + 1
    end
    -- Nobody will do this step, so its batch cannot be completed.
    if batch_id and batch_is_open(batch_id) then
      end_batch(batch_id, 'failed', step_lost, quarantine_retention)
    end
  else
    redis.call('ZREM', RUNNING, id)
    redis.call('HSET', key, 'status', 'queued', 'token', '')
    send_again(id, job[1])
  end
end
for _, id in ipairs(due(RUNNING, stamp(now))) do try(id, end_lease) end
close_ended()
redis.call('ZREMRANGEBYSCORE', QUARANTINE, '-inf', stamp(now))

-- Queues are first in, first out: a queued job older than the oldest message still in the queue has lost its own.
local function find_lost(id, lane)
  if is_final(read_status(id)) then redis.call('ZREM', queued_key(lane), id)
  else send_again(id, lane) end
end
for i = 9, #ARGV, 2 do
  local lane, oldest = ARGV[i], ARGV[i + 1]
  if oldest ~= '-inf' then
    local since = oldest == '' and now or math.min(tonumber(oldest), now)
    for _, id in ipairs(due(queued_key(lane), stamp(since - resend_after))) do try(id, find_lost, lane) end
  end
end
return {stamp(now), expired_count, quarantined_count, resend, broken}
