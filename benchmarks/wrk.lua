-- For wrk: posts one file again and again, counts the answers by status and tells all as one line of JSON.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method, wrk.body = "POST", file:read("*a")
  wrk.headers["Content-Type"] = args[2]
  file:close()
  statuses = {}
end

function response(status)
  statuses[status] = (statuses[status] or 0) + 1
end

function done(summary, latency)
  local counts = {}
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("statuses")) do
      table.insert(counts, string.format('"%d": %d', status, count))
    end
  end
  local errors = summary.errors
  for _, name in ipairs({"connect", "read", "write", "timeout"}) do
    if errors[name] > 0 then
      table.insert(counts, string.format('"%s": %d', name, errors[name]))
    end
  end
  io.write(string.format(
    '\n{"seconds": %f, "p50_ms": %f, "p99_ms": %f, "p999_ms": %f, "statuses": {%s}}\n',
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    latency:percentile(99.9) / 1e3, table.concat(counts, ", ")))
end
