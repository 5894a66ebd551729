-- ARGV: retention, outcome of an expired batch. Expires what is due. Returns ids whose files and records are to go.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', root .. 'batch_deadlines', '-inf', stamp(now), 'LIMIT', 0, 100)) do
  -- A record that is not whole must not keep the others from their turn.
  if not pcall(end_batch, id, 'expired', ARGV[2], ARGV[1]) then
    redis.call('ZREM', root .. 'batch_deadlines', id)
    redis.call('ZADD', root .. 'batch_expiry', stamp(now + tonumber(ARGV[1])), id)
  end
end
local gone = redis.call('ZRANGEBYSCORE', root .. 'batch_expiry', '-inf', stamp(now), 'LIMIT', 0, 10)
for _, id in ipairs(gone) do
  -- Nor must what is no record at all.
  local key = root .. 'batch:' .. id
  if redis.call('TYPE', key).ok ~= 'hash' then redis.call('DEL', key) end
end
return gone
