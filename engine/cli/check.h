// SPDX-License-Identifier: GPL-3.0-or-later
// `engine check`: reads a configuration, says everything that is wrong with it, starts nothing.
#pragma once

#include "engine/cli/run_options.h"

namespace engine::cli {

enum class Output : unsigned char { Text, Json };

// Returns the exit code.
[[nodiscard]] int run_check(const RunOptions& options, Output output);

}  // namespace engine::cli
