// SPDX-License-Identifier: GPL-3.0-or-later
// The state and the history of an engine as pages for people. It must not know how they were asked
// for.
#pragma once

#include <string>

#include "engine/cli/fields.h"
#include "engine/cli/table.h"

namespace engine::cli {

// GET /v1/status: one screen.
[[nodiscard]] std::string status_page(const Json& status);

// One event of GET /v1/events: "2026-11-21T20:32:34Z deploy service=web state=done"
[[nodiscard]] std::string event_line(const Json& event);

// GET /v1/config/history
[[nodiscard]] Table history_table(const Json& answer);

// What a reload changes or would change: "+ site", "~ site", "- site"; empty when nothing.
[[nodiscard]] std::string changes_page(const Json& reload);

}  // namespace engine::cli
