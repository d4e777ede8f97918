// SPDX-License-Identifier: GPL-3.0-or-later
// What the DNS library says about itself. Knows nothing of names.
#pragma once

#include <string_view>

namespace engine::control {

// The version c-ares reports at run time, for example "1.18.1".
std::string_view library_version();

}  // namespace engine::control
