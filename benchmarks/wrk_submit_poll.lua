-- Clients that submit a job, read it until it is final, and begin again. One job is one answer.
-- Arguments: body, text that the document of a job that succeeded must contain, and perhaps the milliseconds that a
-- client lets pass before each of its requests.
--
-- A script cannot know on which connection an answer came, and need not: each client has a number, which travels as
-- X-Request-Id and comes back. There are as many clients as connections; which of them sends its next request on which
-- connection does not matter, because each has one request on its way or is in the queue of those who may send.
local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds, nanoseconds; } moment; int clock_gettime(int, moment *);")
local CLOCK_MONOTONIC, moment = 1, ffi.new("moment[1]")

local post_head, get_head, post_tail, expected_output
local clients, ready, first, last = {}, {}, 1, 0
job_seconds, polls, wrong, first_wrong = {}, 0, 0, ""

local function now()
  ffi.C.clock_gettime(CLOCK_MONOTONIC, moment)
  return tonumber(moment[0].seconds) + tonumber(moment[0].nanoseconds) / 1e9
end

function setup(thread)
  only_thread = thread
end

function init(arguments)
  local host = "\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\nX-Request-Id: "
  local body = arguments[1]
  post_head = "POST " .. wrk.path .. " HTTP/1.1" .. host
  post_tail = "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
  get_head = " HTTP/1.1" .. host
  expected_output = arguments[2]
  local pause = tonumber(arguments[3] or "0")
  -- wrk looks whether there is such a function only after this one.
  if pause > 0 then delay = function() return pause end end
end

function request()
  local number = ready[first]
  if number then
    ready[first] = nil
    first = first + 1
  else
    number = #clients + 1
    clients[number] = {}
  end
  local client = clients[number]
  if client.url then
    polls = polls + 1
    return "GET " .. client.url .. get_head .. number .. "\r\n\r\n"
  end
  client.started = now()
  return post_head .. number .. post_tail
end

-- Returns whether the answer is one that this client may get.
local function take(client, status, headers, body)
  if not client.url then
    client.url = headers["location"] or headers["Location"]
    return status == 202 and client.url ~= nil
  end
  local state = body:match('"status":"(%a+)"')
  if status == 200 and (state == "queued" or state == "running") then return true end
  client.url = nil
  job_seconds[#job_seconds + 1] = now() - client.started
  return status == 200 and state == "succeeded" and body:find(expected_output, 1, true) ~= nil
end

function response(status, headers, body)
  local number = tonumber(headers["x-request-id"] or headers["X-Request-Id"])
  local client = clients[number]
  if client and take(client, status, headers, body) then
    last = last + 1
    ready[last] = number
    return
  end
  if wrong == 0 then first_wrong = status .. " " .. body:sub(1, 300):gsub('[%c"\\]', " ") end
  wrong = wrong + 1
end

function done(summary)
  local errors, seconds = summary.errors, only_thread:get("job_seconds")
  table.sort(seconds)
  local function percentile(share) return seconds[math.max(1, math.ceil(share * #seconds))] or 0 end
  io.write(string.format(
    '\n{"answers": %d, "seconds": %.6f, "p50_seconds": %.6f, "p99_seconds": %.6f, "socket_errors": %d, "wrong": %d, '
      .. '"first_wrong": "%s", "polls": %d}\n',
    #seconds, summary.duration / 1e6, percentile(0.5), percentile(0.99),
    errors.connect + errors.read + errors.write + errors.timeout, only_thread:get("wrong"),
    only_thread:get("first_wrong"), only_thread:get("polls")))
end
