// SPDX-License-Identifier: GPL-3.0-or-later
// What goes on at this moment, for people: connections, requests as they end, sites by their
// traffic. It must not know how it was asked for.
#pragma once

#include <span>
#include <string>

#include "engine/cli/fields.h"
#include "engine/cli/table.h"
#include "engine/cli/traffic.h"

namespace engine::cli {

// GET /v1/connections
[[nodiscard]] Table connections_table(const Json& answer);
// What the list does not show; empty when it is complete.
[[nodiscard]] std::string connections_remark(const Json& answer);

// One request of GET /v1/tap:
// "20:32:34.123 GET a.test/x?y=1 502 1.2ms b:1 connection_refused: Connection refused"
[[nodiscard]] std::string request_line(const Json& request);

[[nodiscard]] Table traffic_table(std::span<const SiteTraffic> sites);
[[nodiscard]] Json traffic_json(std::span<const SiteTraffic> sites);

// GET /v1/routes twice: the routes, with the rates between the readings.
[[nodiscard]] Table watched_routes_table(const Json& before, const Json& after);

// "0.25ms", "18ms", "1.5s"
[[nodiscard]] std::string latency_text(double seconds);

}  // namespace engine::cli
