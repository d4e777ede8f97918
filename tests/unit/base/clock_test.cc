// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/base/clock.h"

#include <gtest/gtest.h>

#include <ctime>

namespace engine::base {
namespace {

TEST(Clock, the_monotonic_clock_never_goes_back) {
  Time before = monotonic_now();
  EXPECT_GT(before, 0);
  for (int i = 0; i < 1000; ++i) {
    const Time now = monotonic_now();
    ASSERT_GE(now, before);
    before = now;
  }
}

TEST(Clock, the_wall_clock_counts_nanoseconds_since_1970) {
  const Time seconds_before = std::time(nullptr);
  const Time now = wall_now();
  EXPECT_GE(now / kSecond, seconds_before - 1);
  EXPECT_LE(now / kSecond, std::time(nullptr) + 1);
}

TEST(Clock, the_units_fit_each_other_and_never_is_after_everything) {
  EXPECT_EQ(kSecond, 1000 * kMillisecond);
  EXPECT_EQ(kMillisecond, 1000 * kMicrosecond);
  EXPECT_GT(kNever, wall_now());
}

}  // namespace
}  // namespace engine::base
