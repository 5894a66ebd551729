-- ARGV: id, retention, status, error. Ends a batch that is not final. Returns unknown, final, or ended.
local status = redis.call('HGET', root .. 'batch:' .. ARGV[1], 'status')
if not status then return 'unknown' end
if batch_is_final(status) then return status == ARGV[3] and 'ended' or 'final' end
end_batch(ARGV[1], ARGV[3], ARGV[4], ARGV[2])
return 'ended'
