-- ARGV: id, retention, outcome of an expired batch. Returns {record, error codes}, or nothing.
local id, key = ARGV[1], root .. 'batch:' .. ARGV[1]
local batch = redis.pcall('HMGET', key, 'status', 'deadline', 'deleted')
if not batch[1] or batch[3] then return {} end
local deadline = tonumber(batch[2])
if not batch_is_final(batch[1]) and deadline and deadline <= now then pcall(end_batch, id, 'expired', ARGV[3], ARGV[2]) end
return {redis.call('HGETALL', key), redis.call('HGETALL', key .. ':codes'), stamp(now)}
