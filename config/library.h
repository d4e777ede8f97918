// SPDX-License-Identifier: GPL-3.0-or-later
// What the TOML library says about itself. Knows nothing of configurations.
#pragma once

#include <string_view>

namespace config {

// The version of toml++ this was compiled with, for example "3.3.0".
std::string_view library_version();

}  // namespace config
