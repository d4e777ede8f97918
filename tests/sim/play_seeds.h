// SPDX-License-Identifier: GPL-3.0-or-later
// The loop of a test that plays many seeds.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "tests/sim/stage.h"

namespace sim {

// Until one fails, or time is up.
template <typename Play>
void play_seeds(std::uint64_t count, Play play) {
  const Seeds all = seeds(count);
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t played = 0;
  for (; played < all.count && !testing::Test::HasFailure(); ++played) {
    if (std::chrono::steady_clock::now() - start > std::chrono::seconds(all.seconds_max)) break;
    play(all.first + played);
  }
  testing::Test::RecordProperty("seeds", static_cast<int>(played));
  std::printf("%llu seeds\n", static_cast<unsigned long long>(played));
}

}  // namespace sim
