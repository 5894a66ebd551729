-- How many requests of one key are accepted; between record.lua and what accepts. Decision 0024 has the reasons.
-- A bucket is one moment: when it is full. A request moves it on by `each` seconds; empty, it lies `most` seconds ahead.

-- What is a hundredth of a request away is there: times are kept to the microsecond.
local ROUNDING = 0.01

-- text: 'name each most'. A bucket is read once in a script, and written once.
local buckets = {}
local function find_bucket(text)
  if buckets[text] then return buckets[text] end
  local name, each, most = string.match(text, '^(%S+) (%S+) (%S+)$')
  local bucket = {key = root .. 'rate:' .. name, each = tonumber(each), most = tonumber(most)}
  local full = tonumber(redis.call('GET', bucket.key) or now)
  -- No more than empty, though it was written by a clock that ran ahead, or for a slower rate.
  bucket.debt = math.min(math.max(full - now, 0), bucket.most)
  buckets[text] = bucket
  return bucket
end

local function has_request(bucket) return bucket.debt + bucket.each <= bucket.most + bucket.each * ROUNDING end

local function take_request(bucket)
  bucket.debt, bucket.is_taken_from = bucket.debt + bucket.each, true
end

-- Writes the buckets, and returns the text and the debt of each.
local function write_buckets()
  local told = {}
  for text, bucket in pairs(buckets) do
    if bucket.is_taken_from then
      redis.call('SET', bucket.key, stamp(now + bucket.debt), 'EX', math.ceil(bucket.debt))
    end
    table.insert(told, text)
    table.insert(told, stamp(bucket.debt))
  end
  return told
end
