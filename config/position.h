// SPDX-License-Identifier: GPL-3.0-or-later
// Where a value was written. It must not know what the value is.
#pragma once

#include <cstdint>
#include <string>

namespace config {

// `line` and `column` count from 1 (columns in code points); line 0 means "nowhere in a file": a
// default, a flag or an environment variable.
struct Position {
  std::string file;
  uint32_t line = 0;
  uint32_t column = 0;

  // "proxy.toml:18"; only the file when there is no line.
  std::string text() const;
};

}  // namespace config
