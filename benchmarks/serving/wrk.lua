-- Sends the forms of a folder in turn and tells what came of it as one line of JSON, the whole histogram included.
-- Arguments: the folder, how many files it has (named 0, 1, …), their content type.
local threads, requests, sent, count = {}, {}, 0, 0
statuses = {} -- global: what `thread:get` sees

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  count = tonumber(args[2])
  for number = 0, count - 1 do
    local file = assert(io.open(args[1] .. "/" .. number, "rb"))
    -- Formatted once, so that a request costs next to nothing later.
    requests[number] = wrk.format("POST", nil, { ["Content-Type"] = args[3] }, file:read("*a"))
    file:close()
  end
end

function request()
  sent = sent + 1
  return requests[sent % count]
end

function response(status)
  statuses[status] = (statuses[status] or 0) + 1
end

function done(summary, latency)
  local all, histogram = {}, {}
  for _, thread in ipairs(threads) do
    for status, number in pairs(thread:get("statuses")) do
      all[status] = (all[status] or 0) + number
    end
  end
  local pairs_of = {}
  for status, number in pairs(all) do
    table.insert(pairs_of, string.format('"%d": %d', status, number))
  end
  for index = 1, #latency do
    histogram[index] = string.format("[%d, %d]", latency(index))
  end
  local errors = summary.errors
  io.write(string.format(
    'wrk-result {"microseconds": %d, "requests": %d, "statuses": {%s}, "connect": %d, "read": %d, "write": %d, '
      .. '"timeout": %d, "histogram": [%s]}\n',
    summary.duration, summary.requests, table.concat(pairs_of, ", "), errors.connect, errors.read, errors.write,
    errors.timeout, table.concat(histogram, ", ")
  ))
end
