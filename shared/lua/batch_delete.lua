-- Hides a batch, and ends it if it is open. ARGV: id, error of a canceled batch, seconds until its files are looked for.
local id, key = ARGV[1], root .. 'batch:' .. ARGV[1]
local status = redis.call('HGET', key, 'status')
if not status then return 0 end
if not batch_is_final(status) then end_batch(id, 'canceled', ARGV[2], ARGV[3]) end
redis.call('HSET', key, 'deleted', 1)
redis.call('ZADD', root .. 'batch_expiry', stamp(now + tonumber(ARGV[3])), id)
return 1
