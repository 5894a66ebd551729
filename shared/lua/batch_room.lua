-- How long a new file would wait.
-- ARGV: lane, name of an idempotency key or ''.
-- Returns the seconds in which the workers that live are done with the steps ahead; nothing while their speed is not known,
-- or when the key stands for what was accepted.
local lane = ARGV[1]
if ARGV[2] ~= '' and redis.call('EXISTS', root .. 'once:' .. ARGV[2]) == 1 then return false end
local speed = redis.call('HMGET', load_key(lane), 'busy', 'jobs')
if tonumber(speed[2] or 0) <= 0 then return false end
local workers = math.max(redis.call('ZCOUNT', workers_key(lane), now, '+inf'), 1)
return stamp(redis.call('ZCARD', queued_key(lane)) * speed[1] / speed[2] / workers)
