-- ARGV: ids. Returns those that are final or past their deadline; a job without a record may not be accepted yet, unless it
-- was deleted.
local answer = {}
for _, id in ipairs(ARGV) do
  local job = redis.pcall('HMGET', JOB .. id, 'status', 'deadline')
  if job[1] then
    -- Whoever waits for a job without a deadline finds out what is wrong with it.
    if is_final(job[1]) or (tonumber(job[2]) or now) <= now then table.insert(answer, id) end
  elseif redis.call('EXISTS', GONE .. id) == 1 then table.insert(answer, id) end
end
return answer
