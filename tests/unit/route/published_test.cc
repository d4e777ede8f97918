// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/published.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace engine::route {
namespace {

// A snapshot whose end can be seen: it owns the only reference to a table.
std::unique_ptr<Snapshot> snapshot(std::uint64_t generation,
                                   std::weak_ptr<const Table>* seen = {}) {
  auto next = std::make_unique<Snapshot>();
  next->generation = generation;
  next->table = std::make_shared<const Table>(
      std::vector<Site>{{"a.test", "/", static_cast<std::uint32_t>(generation)}});
  if (seen != nullptr) *seen = next->table;
  return next;
}

TEST(Published, nothing_is_current_before_the_first_snapshot) {
  Published published(1);
  EXPECT_EQ(published.current(), nullptr);
  EXPECT_EQ(published.collect(), 0U);
}

TEST(Published, a_reader_that_lags_keeps_its_snapshot_and_all_later_ones) {
  Published published(2);
  std::weak_ptr<const Table> first;
  published.publish(snapshot(1, &first));
  published.quiesce(0, 1);
  published.quiesce(1, 1);
  published.publish(snapshot(2));
  published.publish(snapshot(3));

  published.quiesce(0, 3);
  EXPECT_EQ(published.collect(), 2U);
  EXPECT_FALSE(first.expired());

  published.quiesce(1, 3);
  EXPECT_EQ(published.collect(), 0U);
  EXPECT_TRUE(first.expired());
  EXPECT_EQ(published.current()->generation, 3U);
}

TEST(Published, a_generation_is_freed_when_the_last_reader_has_moved_past_it_and_not_before) {
  Published published(1);
  std::weak_ptr<const Table> second;
  published.publish(snapshot(1));
  published.publish(snapshot(2, &second));
  published.publish(snapshot(3));

  published.quiesce(0, 2);
  EXPECT_EQ(published.collect(), 1U);
  EXPECT_FALSE(second.expired());
  published.quiesce(0, 3);
  EXPECT_EQ(published.collect(), 0U);
  EXPECT_TRUE(second.expired());
}

TEST(Published, a_reader_that_never_adopted_anything_holds_everything) {
  Published published(1);
  published.publish(snapshot(1));
  published.publish(snapshot(2));
  EXPECT_EQ(published.collect(), 1U);
}

TEST(Published, a_reader_that_left_holds_nothing) {
  Published published(2);
  published.publish(snapshot(1));
  published.publish(snapshot(2));
  published.leave(0);
  EXPECT_EQ(published.collect(), 1U);
  published.leave(1);
  EXPECT_EQ(published.collect(), 0U);
}

TEST(Published, without_readers_old_snapshots_go_at_once) {
  Published published(0);
  published.publish(snapshot(1));
  published.publish(snapshot(2));
  EXPECT_EQ(published.collect(), 0U);
}

TEST(Published, the_end_frees_what_is_left) {
  std::weak_ptr<const Table> first;
  std::weak_ptr<const Table> second;
  {
    Published published(1);
    published.publish(snapshot(1, &first));
    published.publish(snapshot(2, &second));
  }
  EXPECT_TRUE(first.expired() && second.expired());
}

TEST(PublishedDeathTest, generations_that_do_not_grow_are_our_own_mistake) {
  Published published(0);
  published.publish(snapshot(2));
  EXPECT_DEATH(published.publish(snapshot(2)), "generations do not grow");
  EXPECT_DEATH(published.publish(nullptr), "nothing is published");
}

TEST(PublishedDeathTest, a_reader_that_was_not_counted_in_is_our_own_mistake) {
  Published published(2);
  EXPECT_DEATH(published.quiesce(2, 1), "not counted in");
}

// One worker: adopts at the top of a tick, then uses what it adopted.
void read_until(Published& published, std::size_t index, std::uint64_t last,
                std::atomic<int>& wrong) {
  const Snapshot* mine = nullptr;
  for (std::uint64_t seen = 0; seen < last;) {
    if (const Snapshot* now = published.current(); now != mine) {
      mine = now;
      published.quiesce(index, mine->generation);
    }
    if (mine == nullptr) continue;
    seen = mine->generation;
    const Match match = mine->table->match("a.test", "/");
    if (match.found != Found::Yes || match.service_index != seen) ++wrong;
  }
  published.leave(index);
}

TEST(Published, readers_in_threads_never_see_a_freed_or_torn_snapshot) {
  constexpr std::uint64_t kLast = 2000;
  Published published(3);
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> readers;
  for (std::size_t i = 0; i < 3; ++i) {
    readers.emplace_back([&, i] { read_until(published, i, kLast, wrong); });
  }

  for (std::uint64_t generation = 1; generation <= kLast; ++generation) {
    published.publish(snapshot(generation));
    published.collect();
  }
  readers.clear();

  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(published.collect(), 0U);
}

}  // namespace
}  // namespace engine::route
