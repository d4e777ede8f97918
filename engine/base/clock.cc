// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/base/clock.h"

#include <ctime>

namespace engine::base {
namespace {

Time read_clock(clockid_t clock) noexcept {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

}  // namespace

Time monotonic_now() noexcept { return read_clock(CLOCK_MONOTONIC); }

Time wall_now() noexcept { return read_clock(CLOCK_REALTIME); }

}  // namespace engine::base
