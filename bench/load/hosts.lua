-- SPDX-License-Identifier: GPL-3.0-or-later
-- Asks for many hosts in turn, spread over h0 .. h<last>: no request finds its route in a cache
-- that remembers only the previous one. The last host's number is the first argument after "--".
dofile(debug.getinfo(1, "S").source:sub(2):gsub("hosts%.lua$", "count.lua"))

local heads, at, kHosts = {}, 0, 4096

function init(args)
  local count = tonumber(args[1]) + 1
  for i = 0, kHosts - 1 do
    -- 40503 is odd and prime to the counts in use: neighbours in time are far apart in the table.
    local number = (i * 40503) % count
    heads[i] = wrk.format("GET", nil, { Host = "h" .. number .. ".bench.test" })
  end
end

function request()
  at = (at + 1) % kHosts
  return heads[at]
end
