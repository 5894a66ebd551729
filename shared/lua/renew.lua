-- ARGV: token, lease in seconds, then ids. Returns how many of them are still ours.
local ours = 0
for i = 3, #ARGV do
  local job = redis.pcall('HMGET', JOB .. ARGV[i], 'status', 'token')
  if job[1] == 'running' and job[2] == ARGV[1] then
    redis.call('ZADD', RUNNING, stamp(now + tonumber(ARGV[2])), ARGV[i])
    ours = ours + 1
  end
end
return ours
