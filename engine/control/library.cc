// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/library.h"

#include <ares.h>

namespace engine::control {

std::string_view library_version() { return ares_version(nullptr); }

}  // namespace engine::control
