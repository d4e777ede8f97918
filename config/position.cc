// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/position.h"

#include <fmt/format.h>

namespace config {

std::string Position::text() const { return line == 0 ? file : fmt::format("{}:{}", file, line); }

}  // namespace config
