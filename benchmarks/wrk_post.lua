-- POST one body again and again, and count the answers that are not as they must be.
-- Arguments: body, status, whole answer (empty: any).
local expected_status, expected_answer
wrong, first_wrong = 0, ""

function setup(thread)
  only_thread = thread
end

function init(arguments)
  wrk.method, wrk.body = "POST", arguments[1]
  wrk.headers["Content-Type"] = "application/json"
  expected_status, expected_answer = tonumber(arguments[2]), arguments[3]
end

function response(status, _, body)
  if status ~= expected_status or (expected_answer ~= "" and body ~= expected_answer) then
    if wrong == 0 then first_wrong = status .. " " .. body:sub(1, 300):gsub('[%c"\\]', " ") end
    wrong = wrong + 1
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"answers": %d, "seconds": %.6f, "p50_seconds": %.6f, "p99_seconds": %.6f, "socket_errors": %d, "wrong": %d, '
      .. '"first_wrong": "%s"}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
    errors.connect + errors.read + errors.write + errors.timeout, only_thread:get("wrong"),
    only_thread:get("first_wrong")))
end
