-- ARGV: retention, outcome of an expired batch. Expires what is due. Returns ids whose files and records are to go.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', root .. 'batch_deadlines', '-inf', stamp(now), 'LIMIT', 0, 100)) do
  end_batch(id, 'expired', ARGV[2], ARGV[1])
end
return redis.call('ZRANGEBYSCORE', root .. 'batch_expiry', '-inf', stamp(now), 'LIMIT', 0, 10)
