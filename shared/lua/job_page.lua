-- Looks through the jobs of one owner, the newest first, for at most so many.
-- ARGV: start of the owner's lists, seconds for which a job is listed, most jobs to find, most to look at, status or '',
--       model or '', and where to begin: the list and how many of its jobs are left, those that were trimmed since it was
--       begun among them ('' for the newest).
-- Returns where the next page begins ('' at the end), then for each job: spec without rows, and its fields.
local start, most, budget, status, model = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], ARGV[6]
local newest = math.floor(now / SPAN)
local span, left = tonumber(ARGV[7]) or newest, tonumber(ARGV[8])
local oldest = math.max(math.floor((now - tonumber(ARGV[2])) / SPAN) - 1, 0)
local PIECE = 100
local found = {''}

local function look_at(id)
  local job = redis.pcall('HMGET', JOB .. id, 'status', 'spec', 'attempt', 'created', 'started', 'completed', 'expires',
                         'cancel', 'redriven_as', 'retried', 'retries', 'deleted', 'retain',
                         'delivery')
  -- Of a job of which nothing is kept nothing is told once it is final.
  if not job[1] or not job[2] or job[12] or job[13] == '0' and is_final(job[1]) then return end
  if status ~= '' and job[1] ~= status then return end
  if model ~= '' and not string.find(job[2], '"model":[' .. model .. ',', 1, true) then return end
  job[2] = without_rows(job[2])
  for field = 1, 11 do job[field] = job[field] or '' end
  -- What failed says why; what succeeded would be as long as its input.
  job[12] = job[1] ~= 'succeeded' and redis.call('HGET', JOB .. id, 'outcome') or ''
  job[13], job[14] = id, job[14] or ''
  table.insert(found, job)
end

span = math.min(span, newest)
while span >= oldest do
  local key = root .. start .. span
  local trimmed = tonumber(redis.call('HGET', TRIMMED, start .. span) or 0)
  left = math.min((left or math.huge) - trimmed, redis.call('LLEN', key))
  while left > 0 do
    if #found > most or budget == 0 then
      found[1] = span .. '-' .. left + trimmed
      return found
    end
    local first = math.max(left - math.min(PIECE, budget), 0)
    local ids = redis.call('LRANGE', key, first, left - 1)
    for i = #ids, 1, -1 do
      if #found > most then break end
      look_at(ids[i])
      left, budget = left - 1, budget - 1
    end
  end
  span, left = span - 1, nil
end
return found
