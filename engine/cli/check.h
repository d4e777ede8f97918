// SPDX-License-Identifier: GPL-3.0-or-later
// `engine check`: reads a configuration, says everything that is wrong with it, starts nothing.
#pragma once

#include "config/load.h"
#include "engine/cli/run_options.h"

namespace engine::cli {

enum class Output : unsigned char { Text, Json };

// read_config(), with what is wrong with the files of certificates that it names.
[[nodiscard]] config::Result read_checked_config(const RunOptions& options);

// Returns the exit code.
[[nodiscard]] int run_check(const RunOptions& options, Output output);

}  // namespace engine::cli
