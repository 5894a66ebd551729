-- Writes the records of jobs again that the store has lost; the caller has a message that was sent while they were open.
-- ARGV: retention, when the message was sent, seconds for which a job is listed, then for each job: lane, id, spec, deadline in seconds, reply channel,
--       attempts allowed, place (see `read_place`). Returns how many it wrote.
local retention, sent_at, written = tonumber(ARGV[1]), tonumber(ARGV[2]), 0
-- Sent while it was open, a job can have been final since then at the earliest. Its record is kept for the retention,
-- so before that has passed a missing record is lost, and after that it may just have run out. A job may wait a moment
-- for its message, and be canceled in it.
local HELD = 10
if now >= sent_at + retention - HELD then return 0 end
for i = 4, #ARGV, 7 do
  local lane, id = ARGV[i], ARGV[i + 1]
  local deadline = stamp(sent_at + tonumber(ARGV[i + 3]))
  -- What was deleted before its time is not lost.
  local is_gone = redis.call('EXISTS', GONE .. id) == 1
  if not is_gone and write_job(lane, id, ARGV[i + 2], deadline, ARGV[i + 4], ARGV[i + 5]) then
    redis.call('HSET', JOB .. id, 'created', stamp(sent_at))
    redis.call('ZADD', queued_key(lane), stamp(now), id)
    redis.call('ZADD', DEADLINES, deadline, id)
    local place = places[ARGV[i + 6]] or read_place(ARGV[i + 6])
    if place.terms then write_terms(id, place.terms) end
    table.insert(place.ids, id)
    written = written + 1
  end
end
list_placed(ARGV[3])
return written
