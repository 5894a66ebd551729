-- Puts a mended part in the place of another. ARGV: id, chunk index, token of the part to replace, part,
--       seconds for which the replaced part can still be read, note of it.
-- Returns 1 when the part stands there, 0 when another part is recorded or the batch has ended.
local key, index = root .. 'batch:' .. ARGV[1], ARGV[2]
local before = redis.call('HGET', key .. ':parts', index)
if not before then return 0 end
before = cjson.decode(before)
local after = cjson.decode(ARGV[4])
if before['token'] == after['token'] then return 1 end
if before['token'] ~= ARGV[3] or not batch_is_open(ARGV[1]) then return 0 end
redis.call('HSET', key .. ':parts', index, ARGV[4])
redis.call('HINCRBY', key, 'rows_failed', after['failed'] - before['failed'])
redis.call('ZADD', root .. 'batch_replaced', stamp(now + tonumber(ARGV[5])), ARGV[6])
local function count(codes, sign)
  for code, rows in pairs(codes) do
    if redis.call('HINCRBY', key .. ':codes', code, sign * rows) == 0 then redis.call('HDEL', key .. ':codes', code) end
  end
end
count(after['errors_by_code'], 1)
count(before['errors_by_code'], -1)
return 1
