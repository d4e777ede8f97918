// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/library.h"

#include <CLI/Version.hpp>

namespace engine::cli {

std::string_view library_version() { return CLI11_VERSION; }

}  // namespace engine::cli
