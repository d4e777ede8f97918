// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/places.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "engine/route/target_connections.h"

namespace engine::route {
namespace {

TEST(Places, there_are_as_many_as_the_limit_of_the_moment_says) {
  Places places;
  EXPECT_TRUE(places.take(2));
  EXPECT_TRUE(places.take(2));
  EXPECT_FALSE(places.take(2));
  EXPECT_TRUE(places.take(3));
  places.give_back();
  EXPECT_FALSE(places.take(1));
  EXPECT_TRUE(places.take(0));
  EXPECT_EQ(places.taken(), 3U);
}

TEST(Places, what_nobody_took_cannot_be_given_back) {
  Places places;
  EXPECT_DEATH(places.give_back(), "nobody took");
}

TEST(Places, threads_never_hold_more_than_there_are) {
  Places places;
  std::atomic<int> held{0}, most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10'000; ++round) {
        if (!places.take(3)) continue;
        const int now = ++held;
        int before = most;
        while (now > before && !most.compare_exchange_weak(before, now)) {
        }
        --held;
        places.give_back();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 3);
  EXPECT_EQ(places.taken(), 0U);
}

TEST(TargetConnections, the_worker_that_waits_longest_is_found_among_the_others) {
  TargetConnections connections(3);
  EXPECT_EQ(connections.longest_waiting(0).since, base::kNever);

  connections.set_waiting(0, 5);
  connections.set_waiting(1, 20);
  connections.set_waiting(2, 10);
  EXPECT_EQ(connections.longest_waiting(0).worker, 2U);
  EXPECT_EQ(connections.longest_waiting(0).since, 10);
  EXPECT_EQ(connections.longest_waiting(1).worker, 0U);

  connections.set_waiting(0, base::kNever);
  connections.set_waiting(2, 30);
  EXPECT_EQ(connections.longest_waiting(2).worker, 1U);
  connections.set_waiting(1, base::kNever);
  EXPECT_EQ(connections.longest_waiting(2).since, base::kNever);
}

}  // namespace
}  // namespace engine::route
