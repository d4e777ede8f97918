// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace engine::base {

void check_failed(const char* expression, const char* file, int line, const char* why) noexcept {
  std::fprintf(stderr, "engine: bug: %s (%s) at %s:%d\n", why, expression, file, line);
  std::abort();
}

}  // namespace engine::base
