-- Notes chunks that the split found.
-- ARGV: id, retention, error when aborted, error of too many errors, rows in all ('' before the last chunk),
--       then for each chunk: index, chunk. Returns the status, or unknown.
local id, key = ARGV[1], root .. 'batch:' .. ARGV[1]
local status = redis.call('HGET', key, 'status')
if not status then return 'unknown' end
if batch_is_final(status) then return status end
if status == 'queued' then redis.call('HSET', key, 'status', 'running', 'started', stamp(now)) end
for i = 6, #ARGV, 2 do redis.call('HSET', key .. ':chunks', ARGV[i], ARGV[i + 1]) end
if ARGV[5] ~= '' then
  redis.call('HSET', key, 'rows_total', ARGV[5], 'chunks_total', redis.call('HLEN', key .. ':chunks'))
  settle(id, ARGV[2], ARGV[3], ARGV[4])
end
return redis.call('HGET', key, 'status')
