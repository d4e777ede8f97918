// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/base/byte_ring.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace engine::base {
namespace {

std::string pop_all(ByteRing& ring) {
  std::string out(ring.capacity_bytes(), '\0');
  out.resize(ring.pop(out));
  return out;
}

TEST(ByteRing, lines_come_out_in_the_order_they_went_in) {
  ByteRing ring(64);

  EXPECT_TRUE(ring.push("one\n"));
  EXPECT_TRUE(ring.push("two\n"));

  EXPECT_EQ(pop_all(ring), "one\ntwo\n");
  EXPECT_TRUE(ring.empty());
}

TEST(ByteRing, a_line_that_just_fits_is_taken_and_one_byte_more_is_dropped_whole) {
  ByteRing ring(8);

  EXPECT_TRUE(ring.push("1234567"));
  EXPECT_FALSE(ring.push("ab"));
  EXPECT_EQ(ring.dropped(), 1U);
  EXPECT_TRUE(ring.push("8"));
  EXPECT_FALSE(ring.push("9"));

  EXPECT_EQ(ring.dropped(), 2U);
  EXPECT_EQ(pop_all(ring), "12345678");
}

TEST(ByteRing, a_line_longer_than_the_ring_is_dropped) {
  ByteRing ring(8);

  EXPECT_FALSE(ring.push("123456789"));

  EXPECT_EQ(ring.dropped(), 1U);
  EXPECT_TRUE(ring.empty());
}

TEST(ByteRing, a_line_across_the_end_comes_out_whole) {
  ByteRing ring(8);
  EXPECT_TRUE(ring.push("abcdef"));
  ring.consume(6);

  EXPECT_TRUE(ring.push("12345"));

  EXPECT_EQ(ring.peek(), "12");
  EXPECT_EQ(pop_all(ring), "12345");
}

TEST(ByteRing, an_armed_wake_is_called_once) {
  ByteRing ring(64);
  int calls = 0;
  ring.set_wake([](void* argument) { ++*static_cast<int*>(argument); }, &calls);
  EXPECT_TRUE(ring.push("a"));
  EXPECT_EQ(calls, 0);

  ring.arm_wake();
  EXPECT_TRUE(ring.push("b"));
  EXPECT_TRUE(ring.push("c"));

  EXPECT_EQ(calls, 1);
}

TEST(ByteRing, two_threads_pass_every_line_that_was_not_dropped) {
  constexpr int kLines = 50'000;
  ByteRing ring(1024);
  std::string got;
  std::uint64_t pushed_bytes = 0;

  std::thread producer([&] {
    for (int i = 0; i < kLines; ++i) {
      const std::string line = std::to_string(i) + "\n";
      if (ring.push(line)) pushed_bytes += line.size();
    }
    while (!ring.push("end\n")) std::this_thread::yield();
  });
  while (!got.ends_with("end\n")) got += pop_all(ring);
  producer.join();

  EXPECT_EQ(got.size(), pushed_bytes + 4);
}

}  // namespace
}  // namespace engine::base
