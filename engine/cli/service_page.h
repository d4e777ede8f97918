// SPDX-License-Identifier: GPL-3.0-or-later
// Services, sites and targets of the API as tables and pages for people. It must not know how they
// were asked for.
#pragma once

#include <string>

#include "engine/cli/fields.h"
#include "engine/cli/table.h"

namespace engine::cli {

// GET /v1/services: a row for each site of each service.
[[nodiscard]] Table services_table(const Json& answer);

// GET /v1/routes
[[nodiscard]] Table routes_table(const Json& answer);
// Its columns, and one of its rows.
[[nodiscard]] Table::Row routes_header();
[[nodiscard]] Table::Row route_row(const Json& route);

// One service with all its options, in the words and the syntax of proxy.toml.
[[nodiscard]] std::string service_page(const Json& service);

}  // namespace engine::cli
