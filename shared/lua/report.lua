-- ARGV: process, number of this report of it, seconds for which the number is kept, then for each sum: field, amount.
-- Returns 1, or 0 when the report came twice.
local seen = root .. 'report:' .. ARGV[1]
if tonumber(redis.call('GET', seen) or 0) >= tonumber(ARGV[2]) then return 0 end
redis.call('SET', seen, ARGV[2], 'EX', ARGV[3])
for i = 4, #ARGV, 2 do redis.call('HINCRBYFLOAT', root .. 'counted', ARGV[i], ARGV[i + 1]) end
return 1
