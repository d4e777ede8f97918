// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/library.h"

#include <toml++/toml.h>

#define TEXT_OF(value) #value
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

namespace config {

std::string_view library_version() {
  return VERSION_TEXT(TOML_LIB_MAJOR, TOML_LIB_MINOR, TOML_LIB_PATCH);
}

}  // namespace config
