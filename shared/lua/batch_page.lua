-- Looks through the batches of one owner, the newest first, for at most so many.
-- ARGV: the owner's list, only those accepted before, most batches to find, most to look at, status or '', model or ''.
-- Returns where the next page begins ('' at the end) and the time, then for each batch: id, record, error codes.
local key, before, most, status, model = root .. ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[5], ARGV[6]
if before ~= '+inf' then before = '(' .. before end
local found = {'', stamp(now)}
local listed = redis.call('ZRANGE', key, before, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[4], 'WITHSCORES')
local last
for i = 1, #listed, 2 do
  if #found - 2 >= most then
    found[1] = last
    return found
  end
  local id = listed[i]
  last = stamp(listed[i + 1])
  local batch = redis.pcall('HMGET', root .. 'batch:' .. id, 'status', 'spec', 'deleted', 'expires')
  local is_there = batch[1] and batch[2] and not batch[3] and not (batch[4] and (tonumber(batch[4]) or now) <= now)
  if is_there and (status == '' or batch[1] == status)
     and (model == '' or string.find(batch[2], '"model":{"name":' .. model .. ',', 1, true)) then
    local record_key = root .. 'batch:' .. id
    table.insert(found, {id, redis.call('HGETALL', record_key), redis.call('HGETALL', record_key .. ':codes')})
  end
end
if #listed == 2 * tonumber(ARGV[4]) then found[1] = last end
return found
