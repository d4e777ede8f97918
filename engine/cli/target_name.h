// SPDX-License-Identifier: GPL-3.0-or-later
// Which target is meant by what somebody typed. It must not know what happens to it.
#pragma once

#include <expected>
#include <string>

#include "engine/cli/api_failure.h"
#include "engine/cli/fields.h"

namespace engine::cli {

// The id of the one target of GET /v1/targets that `written` names: its id, SERVICE/TARGET, or
// TARGET where only one service has it.
[[nodiscard]] std::expected<std::string, ApiFailure> target_named(const std::string& written,
                                                                  const Json& answer);

}  // namespace engine::cli
