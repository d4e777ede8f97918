// SPDX-License-Identifier: GPL-3.0-or-later
// What passed through each site between two readings of GET /v1/routes. It must not know how they
// are shown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/cli/fields.h"

namespace engine::cli {

struct SiteTraffic {
  std::string site;
  double requests_per_second = 0;  // that ended
  double errors_percent = 0;       // of these: 5xx
  std::optional<double> p50, p95;  // seconds from a request's head to its end; absent: none ended
  double bytes_per_second = 0;     // payload, both ways, of those that ended
  std::int64_t in_flight = 0;      // at the second reading
  std::int64_t streams_open = 0;   // WebSockets and other tunnels, then
};

// Sites of `after`; one that `before` does not know has had nothing before. The busiest first.
[[nodiscard]] std::vector<SiteTraffic> traffic_between(const Json& before, const Json& after);

// Below which a part `q` of what was counted lies, in the unit of `bounds`, the upper ends of the
// buckets: within a bucket all are taken to lie evenly. In the last bucket, which has none, the
// highest bound. Absent when nothing was counted.
[[nodiscard]] std::optional<double> quantile(const std::vector<double>& bounds,
                                             const std::vector<std::int64_t>& counts, double q);

}  // namespace engine::cli
