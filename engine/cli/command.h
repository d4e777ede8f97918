// SPDX-License-Identifier: GPL-3.0-or-later
// The command line: which verb with which options. The server itself is passed in, so that this
// layer knows neither plane.
#pragma once

#include <functional>
#include <string>

#include "engine/cli/run_options.h"

namespace engine::cli {

struct Verbs {
  std::function<int(const RunOptions&)> run;  // serves; returns the exit code
  std::function<std::string(bool verbose)> version;
};

// Returns the exit code of the process.
[[nodiscard]] int run_command_line(int argc, char** argv, const Verbs& verbs);

}  // namespace engine::cli
