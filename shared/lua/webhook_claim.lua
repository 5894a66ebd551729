-- Takes the lease of messages that are due.
-- ARGV: token, lease in seconds, most messages, most of one receiver at once, attempts allowed, how many to look at,
--       seconds for which a message is held back whose receiver has enough, then for each receiver with messages in
--       hand: its host and port, how many.
-- Returns how many it looked at, then for each claimed message: its name, and its record as field, value …, which is
--         empty for one that is not whole.
local token, lease, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local most_of_one, allowed, look_at, held_back = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7])
local in_hand, answer = {}, {0}
for i = 8, #ARGV, 2 do in_hand[ARGV[i]] = tonumber(ARGV[i + 1]) end
local function take(message)
  local key = message_key(message)
  local facts = redis.call('HMGET', key, 'url', 'attempts')
  if not facts[1] then redis.call('ZREM', DUE, message)
  -- Each process that took it died.
  elseif tonumber(facts[2]) >= allowed then settle_message(message, 'failed', nil, 'worker_died', nil)
  else
    local receiver = string.match(facts[1], '^%a+://([^/?]*)')
    if (in_hand[receiver] or 0) >= most_of_one then redis.call('ZADD', DUE, stamp(now + held_back), message)
    else
      in_hand[receiver] = (in_hand[receiver] or 0) + 1
      redis.call('HSET', key, 'token', token)
      redis.call('HINCRBY', key, 'attempts', 1)
      redis.call('ZADD', DUE, stamp(now + lease), message)
      table.insert(answer, {message, redis.call('HGETALL', key)})
    end
  end
end
for _, message in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', stamp(now), 'LIMIT', 0, look_at)) do
  if #answer > most then break end
  answer[1] = answer[1] + 1
  -- What is no message, or not a whole one, must not keep the others from their turn.
  if not pcall(take, message) then table.insert(answer, {message, {}}) end
end
return answer
