-- What the scripts of the outbox share; it stands behind record.lua.
local DUE = root .. 'webhooks_due'
local function message_key(message) return root .. 'webhook:' .. message end

-- Writes how far a message has come, into the record of its job or batch too if that is still there. until_due:
-- seconds to its next try; nil when there is none, and then the message is kept as long as the record.
local function settle_message(message, status, last_status, last_error, until_due)
  local key = message_key(message)
  local facts = redis.call('HMGET', key, 'attempts', 'record', 'retention')
  local delivery = {status = status, attempts = tonumber(facts[1]), last_status = tonumber(last_status)}
  if last_error ~= '' then delivery['last_error'] = last_error end
  if until_due then
    delivery['next_attempt_at'] = now + until_due
    redis.call('ZADD', DUE, stamp(now + until_due), message)
    redis.call('PERSIST', key)
  else
    redis.call('ZREM', DUE, message)
    redis.call('EXPIRE', key, facts[3])
  end
  -- A batch that was taken up again may have ended once more, and tells of its last end.
  if redis.call('HGET', facts[2], 'webhook_message') == message then
    redis.call('HSET', facts[2], 'delivery', cjson.encode(delivery))
  end
end
