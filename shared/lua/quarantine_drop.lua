-- ARGV: id, retention, spec without rows, id of its batch or ''. Returns 1, or 0 when it is not in quarantine.
if not redis.call('ZSCORE', QUARANTINE, ARGV[1]) then return 0 end
leave_quarantine(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
return 1
