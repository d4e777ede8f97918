-- SPDX-License-Identifier: GPL-3.0-or-later
-- wrk's own count at the end of a run, as one line of JSON after "counted ".
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'counted {"requests": %d, "microseconds": %d, "bytes": %d, "errors": %d, "bad_status": %d}\n',
    summary.requests, summary.duration, summary.bytes,
    errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
