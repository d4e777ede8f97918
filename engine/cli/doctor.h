// SPDX-License-Identifier: GPL-3.0-or-later
// `engine doctor`: looks for what would keep the engine from serving here. Reads only.
#pragma once

#include <string>

#include "engine/cli/check.h"
#include "engine/cli/finding.h"
#include "engine/cli/run_options.h"

namespace engine::cli {

// Returns the exit code: kExitOk when nothing failed, kExitEnvironment when io_uring is refused, else
// kExitFailed.
[[nodiscard]] int run_doctor(const RunOptions& options, Output output);

// A line for each, and one below it for the fix.
[[nodiscard]] std::string findings_page(const Findings& findings);

}  // namespace engine::cli
