// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/base/counter.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace engine::base {
namespace {

TEST(Counter, it_counts_up_down_and_by_more_than_one) {
  Counter counter;
  EXPECT_EQ(counter, 0U);
  ++counter;
  counter += 41;
  EXPECT_EQ(counter, 42U);
  --counter;
  EXPECT_EQ(counter.get(), 41U);
}

TEST(Counter, it_costs_no_more_room_than_its_number) {
  EXPECT_EQ(sizeof(Counter), sizeof(std::uint64_t));
}

TEST(Counter, arrays_of_arrays_are_added_place_by_place) {
  std::array<std::array<Counter, 2>, 2> sum, more;
  sum[0][1] += 1;
  more[0][1] += 2;
  more[1][0] += 3;

  add_all(sum, more);

  EXPECT_EQ(sum[0][0], 0U);
  EXPECT_EQ(sum[0][1], 3U);
  EXPECT_EQ(sum[1][0], 3U);
}

// What it promises to the thread sanitizer; elsewhere, that no count goes missing.
TEST(Counter, it_is_read_while_another_thread_counts) {
  constexpr std::uint64_t kLast = 100'000;
  Counter counter;
  std::thread writer([&] {
    while (counter < kLast) ++counter;
  });

  std::uint64_t seen = 0;
  while (seen < kLast) {
    const std::uint64_t now = counter;
    ASSERT_GE(now, seen);
    seen = now;
  }
  writer.join();
  EXPECT_EQ(counter, kLast);
}

}  // namespace
}  // namespace engine::base
