// SPDX-License-Identifier: GPL-3.0-or-later
// ${VAR}, ${VAR:-default}, ${VAR:?text}, ${file:/path} and $$ inside one string.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/complaint.h"
#include "config/environment.h"

namespace config {

struct InterpolationError {
  Complaint complaint;
  std::string_view at;  // the part of the text that is wrong
};

struct Interpolated {
  std::string text;
  std::vector<std::filesystem::path> files;  // what ${file:} read
};

// Relative ${file:} paths start at `directory`. What was inserted is not looked at again.
std::expected<Interpolated, InterpolationError> interpolate(std::string_view text,
                                                            const std::filesystem::path& directory,
                                                            const Environment& environment);

}  // namespace config
