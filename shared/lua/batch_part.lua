-- Notes what became of a chunk; the first part wins.
-- ARGV: id, retention, error when aborted, error of too many errors, chunk index, token, part, rows, failed rows,
--       then for each error code: code, count. Returns the token of the part that is recorded, or '' when the
-- batch ended before.
local id, key, index = ARGV[1], root .. 'batch:' .. ARGV[1], ARGV[5]
local before = redis.call('HGET', key .. ':parts', index)
if before then return cjson.decode(before)['token'] end
local status = redis.call('HGET', key, 'status')
if not status or batch_is_final(status) then return '' end
redis.call('HSET', key .. ':parts', index, ARGV[7])
redis.call('HINCRBY', key, 'chunks_done', 1)
redis.call('HINCRBY', key, 'rows_done', ARGV[8])
redis.call('HINCRBY', key, 'rows_failed', ARGV[9])
for i = 10, #ARGV, 2 do redis.call('HINCRBY', key .. ':codes', ARGV[i], ARGV[i + 1]) end
settle(id, ARGV[2], ARGV[3], ARGV[4])
return ARGV[6]
