// SPDX-License-Identifier: GPL-3.0-or-later
// Checks of our own reasoning. A failed check is a bug in the engine: it prints where and why, and
// aborts. Never check what a peer sent with these: a peer's mistake is a value (error.h).
#pragma once

namespace engine::base {

[[noreturn]] void check_failed(const char* expression, const char* file, int line,
                               const char* why) noexcept;

}  // namespace engine::base

// Always on, also in release builds: it guards memory safety and the pairing of states.
#define ENSURE(expression, why)                                           \
  do {                                                                    \
    if (!(expression)) [[unlikely]]                                       \
      ::engine::base::check_failed(#expression, __FILE__, __LINE__, why); \
  } while (false)

// For checks that cost something on the hot path: on in debug and sanitizer builds only.
#ifdef ENGINE_ASSERTS
#define ASSERT(expression, why) ENSURE(expression, why)
#else
#define ASSERT(expression, why) static_cast<void>(0)
#endif
