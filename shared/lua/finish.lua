-- ARGV: token, retention, lane, busy seconds, outcome of a canceled job, then for each job: id, status, outcome.
-- Returns for each job: 1 when the record holds this claim's end, 0 when another writer was first.
local token, retention, lane, busy, canceled = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
-- Between two messages of a lane that jobs wait in, a worker takes no longer than this, unless it is gone.
local OUTAGE = 2
local answer, done, waiting_since = {}, 0, now
for i = 6, #ARGV, 3 do
  local id = ARGV[i]
  local facts = read_facts(id, 'status', 'token')
  local status = facts[10]
  local ours = status and facts[11] == token
  if ours and status == 'running' then
    -- Facts 6: it was asked to cancel.
    local status_now, outcome = facts[6] and 'canceled' or ARGV[i + 1], facts[6] and canceled or ARGV[i + 2]
    -- A record that is not whole must not take the answers of the others with it.
    ours = pcall(finalize, id, status_now, outcome, retention, facts)
    done, waiting_since = done + 1, math.min(waiting_since, tonumber(facts[4]) or now)
  end
  table.insert(answer, (ours and status ~= 'queued') and 1 or 0)
end
if done > 0 then
  -- How fast one worker of this lane is: sums that halve in about 7 s, so that their ratio follows the load.
  local load = redis.call('HMGET', load_key(lane), 'at', 'busy', 'jobs')
  local at, busy_before, jobs_before = tonumber(load[1] or now), tonumber(load[2] or 0), tonumber(load[3] or 0)
  local keep = math.exp((at - now) / 10)
  -- Jobs that waited while others were finished took all the time since then of all workers: their calls of the model, and
  -- whatever else it takes to get from one message to the next. Not if it was an outage.
  local workers = math.max(redis.call('ZCOUNT', workers_key(lane), now, '+inf'), 1)
  local since = now - at
  if load[1] and waiting_since < at and since - busy < OUTAGE then
    -- One pause tells little where not much is known.
    local most = 2 * (jobs_before * keep + done) * busy_before / math.max(jobs_before, 1e-6) - busy_before * keep
    busy = math.max(math.min(since * workers, most), math.min(busy, since * workers))
  end
  redis.call('HSET', load_key(lane), 'at', stamp(now), 'busy', stamp(busy_before * keep + busy),
             'jobs', stamp(jobs_before * keep + done))
end
close_ended()
return answer
