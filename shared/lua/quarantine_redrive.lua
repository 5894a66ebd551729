-- Accepts a new job with the input of one in quarantine, and writes its id into the old record.
-- ARGV: id, retention, spec without rows, then the new job: lane, id, spec, deadline in seconds, attempts allowed,
--       start of the list that it belongs in, seconds for which it is listed.
-- Returns the id of the new job and when it was accepted; '' and '0' when the old one is not in quarantine.
local id, key = ARGV[1], JOB .. ARGV[1]
if redis.call('ZSCORE', QUARANTINE, id) then
  accept_job(ARGV[4], ARGV[5], ARGV[6], ARGV[7], '', ARGV[8])
  list_jobs({[ARGV[9]] = {ARGV[5]}}, ARGV[10])
  redis.call('HSET', key, 'redriven_as', ARGV[5])
  leave_quarantine(id, ARGV[2], ARGV[3], '')
end
local successor = redis.call('HGET', key, 'redriven_as')
if not successor then return {'', '0'} end
return {successor, redis.call('HGET', JOB .. successor, 'created') or stamp(now)}
