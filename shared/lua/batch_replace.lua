-- Puts a mended part in the place of another. ARGV: id, chunk index, token of the part to replace, part.
-- Returns 1 when it did, 0 when another part is recorded or the batch has ended.
local key, index = root .. 'batch:' .. ARGV[1], ARGV[2]
local before = redis.call('HGET', key .. ':parts', index)
if not before or not batch_is_open(ARGV[1]) then return 0 end
before = cjson.decode(before)
if before['token'] ~= ARGV[3] then return 0 end
local after = cjson.decode(ARGV[4])
redis.call('HSET', key .. ':parts', index, ARGV[4])
redis.call('HINCRBY', key, 'rows_failed', after['failed'] - before['failed'])
local function count(codes, sign)
  for code, rows in pairs(codes) do
    if redis.call('HINCRBY', key .. ':codes', code, sign * rows) == 0 then redis.call('HDEL', key .. ':codes', code) end
  end
end
count(after['errors_by_code'], 1)
count(before['errors_by_code'], -1)
return 1
