-- announce
-- ARGV: worker, seconds for which it counts as alive, number of its lanes, lanes, then for each model: key, manifest.
local worker, until_when, lanes = ARGV[1], stamp(now + tonumber(ARGV[2])), tonumber(ARGV[3])
for i = 4, 3 + lanes do
  redis.call('ZADD', workers_key(ARGV[i]), until_when, worker)
  redis.call('ZREMRANGEBYSCORE', workers_key(ARGV[i]), '-inf', stamp(now))
end
for i = 4 + lanes, #ARGV, 2 do
  redis.call('HSET', root .. 'models', ARGV[i], ARGV[i + 1])
  redis.call('ZADD', root .. 'served', 'GT', until_when, ARGV[i])
end
