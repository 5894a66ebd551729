-- Tells the followers of jobs and batches what has changed, all of them in one call.
-- ARGV: keys without the root, such as job:prd_1. Returns a text for each, which changes with what clients see of it.
local answer = {}
for i, name in ipairs(ARGV) do
  local seen = redis.pcall('HMGET', root .. name, 'status', 'attempt', 'retries', 'cancel', 'deleted', 'rows_done',
                          'rows_failed', 'rows_total', 'chunks_done', 'mends')
  for field = 1, 10 do seen[field] = seen[field] or '' end
  answer[i] = table.concat(seen, ' ')
end
return answer
