// SPDX-License-Identifier: GPL-3.0-or-later
// What the command line library says about itself. Knows nothing of verbs.
#pragma once

#include <string_view>

namespace engine::cli {

// The version of CLI11 this was compiled with, for example "2.1.2".
std::string_view library_version();

}  // namespace engine::cli
