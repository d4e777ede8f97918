// SPDX-License-Identifier: GPL-3.0-or-later
// Why the engine cannot start, or cannot take a new configuration: one sentence, what to do, and
// the exit code.
#pragma once

#include <string>

namespace engine::control {

inline constexpr int kExitConfiguration = 3;
inline constexpr int kExitEnvironment = 8;

struct Failure {
  std::string message;
  std::string fix;  // may be empty
  int exit_code = kExitEnvironment;
};

}  // namespace engine::control
