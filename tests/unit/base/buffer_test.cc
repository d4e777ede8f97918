// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/base/buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>

namespace engine::base {
namespace {

TEST(Buffer, an_empty_buffer_holds_no_memory) {
  BlockPool pool;
  Buffer buffer(pool);

  EXPECT_EQ(pool.blocks_out(), 0U);
  buffer.append("x");
  EXPECT_EQ(pool.blocks_out(), 1U);
  buffer.consume(1);
  EXPECT_EQ(pool.blocks_out(), 0U);
}

TEST(Buffer, bytes_come_out_in_the_order_they_went_in_over_every_size_class) {
  BlockPool pool;
  Buffer buffer(pool);
  std::string expected;
  for (const std::size_t size : {1U, 4095U, 4096U, 4097U, 60'000U, 300'000U}) {
    const std::string piece(size, static_cast<char>('a' + size % 26));
    buffer.append(piece);
    expected += piece;
    ASSERT_EQ(buffer.view(), expected);
  }

  buffer.consume(5000);

  EXPECT_EQ(buffer.view(), std::string_view(expected).substr(5000));
}

TEST(Buffer, room_that_was_consumed_at_the_front_is_used_again) {
  BlockPool pool;
  Buffer buffer(pool);
  buffer.append(std::string(4000, 'a'));
  buffer.consume(3990);

  buffer.append(std::string(4000, 'b'));

  EXPECT_EQ(buffer.view(), std::string(10, 'a') + std::string(4000, 'b'));
  EXPECT_EQ(pool.blocks_out(), 1U);
}

TEST(Buffer, moving_leaves_nothing_behind) {
  BlockPool pool;
  Buffer from(pool);
  from.append("bytes");
  Buffer to(pool);
  to.append("old");

  to = std::move(from);

  EXPECT_EQ(to.view(), "bytes");
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(pool.blocks_out(), 1U);
}

TEST(Buffer, what_is_written_into_its_room_counts_only_once_committed) {
  BlockPool pool;
  Buffer buffer(pool);
  const std::span<char> room = buffer.room(10);
  ASSERT_GE(room.size(), 10U);
  std::memcpy(room.data(), "0123456789", 10);

  EXPECT_TRUE(buffer.empty());
  buffer.commit(4);

  EXPECT_EQ(buffer.view(), "0123");
}

TEST(BlockPool, the_block_given_back_last_is_handed_out_first) {
  BlockPool pool;
  const BlockPool::Block first = pool.take(100);
  const BlockPool::Block second = pool.take(100);
  pool.give(first);
  pool.give(second);

  const BlockPool::Block again = pool.take(4096);

  EXPECT_EQ(again.data, second.data);
  pool.give(again);
}

TEST(BufferDeathTest, consuming_more_than_there_is_is_our_own_mistake) {
  BlockPool pool;
  Buffer buffer(pool);
  buffer.append("abc");

  EXPECT_DEATH(buffer.consume(4), "more is consumed than there is");
}

}  // namespace
}  // namespace engine::base
