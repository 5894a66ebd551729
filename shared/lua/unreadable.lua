-- Takes jobs whose records nobody can read out of the sets of open jobs, so that they stand in nobody's way. The records
-- stay for a while, for whoever looks for the cause.
-- ARGV: retention, how many lanes, the lanes, then ids.
local lanes = tonumber(ARGV[2])
for i = 3 + lanes, #ARGV do
  redis.call('ZREM', RUNNING, ARGV[i])
  redis.call('ZREM', DEADLINES, ARGV[i])
  for lane = 3, 2 + lanes do redis.call('ZREM', queued_key(ARGV[lane]), ARGV[i]) end
  redis.call('EXPIRE', JOB .. ARGV[i], ARGV[1])
end
