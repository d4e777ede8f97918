// SPDX-License-Identifier: GPL-3.0-or-later
// The engine as a running process: control on this thread, one thread per worker, one for the
// access log. The only place that knows both planes.
#pragma once

#include "engine/cli/run_options.h"

namespace engine::server {

// Serves until a signal ends it. Returns the exit code; what went wrong was said on standard error.
[[nodiscard]] int run(const cli::RunOptions& options);

}  // namespace engine::server
