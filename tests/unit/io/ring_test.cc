// SPDX-License-Identifier: GPL-3.0-or-later
// What a real ring counts of itself.
#include "engine/io/ring.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

namespace engine::io {
namespace {

class RingTest : public testing::Test {
 protected:
  // With room for `completions` at a time.
  std::unique_ptr<Ring> open(unsigned completions) {
    auto ring = Ring::open(
        {.entries = 2, .completions = completions, .buffer_count = 2, .buffer_bytes = 64});
    return ring ? std::move(*ring) : nullptr;
  }

  // So many requests, which the kernel answers at once.
  void answer_all(Ring& ring, unsigned count) {
    for (unsigned i = 0; i < count; ++i) ring.poll(operations_.at(i), -1, 0);
    while (completed_ < count) {
      ring.submit_and_wait(ring.now() + base::kSecond);
      ring.dispatch();
    }
  }
  void on_completion(const Completion& completion) {
    EXPECT_LT(completion.result, 0);
    ++completed_;
  }

  Operation operation() { return {On<&RingTest::on_completion>{}, this}; }
  std::array<Operation, 8> operations_{operation(), operation(), operation(), operation(),
                                       operation(), operation(), operation(), operation()};
  unsigned completed_ = 0;
};

TEST_F(RingTest, completions_past_the_rings_room_come_later_and_are_noticed) {
  const auto ring = open(2);
  ASSERT_NE(ring, nullptr) << "no io_uring here";
  answer_all(*ring, 8);
  EXPECT_EQ(ring->stats().completions, 8U);
  EXPECT_GT(ring->stats().cq_overflows, 0U);
}

TEST_F(RingTest, completions_that_have_room_are_no_overflow) {
  const auto ring = open(16);
  ASSERT_NE(ring, nullptr) << "no io_uring here";
  answer_all(*ring, 8);
  EXPECT_EQ(ring->stats().completions, 8U);
  EXPECT_EQ(ring->stats().cq_overflows, 0U);
}

}  // namespace
}  // namespace engine::io
