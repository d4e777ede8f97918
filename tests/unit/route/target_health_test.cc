// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/target_health.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace engine::route {
namespace {

constexpr base::Time kStart = 1000 * base::kSecond;
constexpr Outlier kThree{.errors = 3, .window = 10 * base::kSecond, .eject = 30 * base::kSecond};

// Fails until it is ejected; then until when, from `now` on.
base::Time ejection(TargetHealth& health, base::Time now, const Outlier& outlier = kThree) {
  for (std::uint32_t i = 1; i < outlier.errors; ++i)
    EXPECT_FALSE(health.note_failure(now, outlier)) << i;
  EXPECT_TRUE(health.note_failure(now, outlier));
  return health.ejected_until() - now;
}

TEST(TargetHealth, a_new_target_is_up_unless_it_is_said_to_be_down) {
  EXPECT_TRUE(TargetHealth(1).up());
  EXPECT_FALSE(TargetHealth(1, false).up());
  EXPECT_FALSE(TargetHealth(1).ejected(kStart));
}

TEST(TargetHealth, so_many_failures_in_a_row_eject_it_for_a_time) {
  TargetHealth health(1);
  EXPECT_EQ(ejection(health, kStart), kThree.eject);
  EXPECT_TRUE(health.ejected(kStart + kThree.eject - 1));
  EXPECT_FALSE(health.ejected(kStart + kThree.eject));
}

TEST(TargetHealth, without_a_wish_for_it_nothing_is_ejected) {
  TargetHealth health(1);
  for (int i = 0; i < 1000; ++i)
    EXPECT_FALSE(health.note_failure(kStart, {.errors = 0, .window = 1, .eject = 1}));
  EXPECT_FALSE(health.ejected(kStart));
}

TEST(TargetHealth, a_success_ends_the_row) {
  TargetHealth health(1);
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(health.note_failure(kStart, kThree));
    EXPECT_FALSE(health.note_failure(kStart, kThree));
    health.note_success();
  }
}

TEST(TargetHealth, a_gap_longer_than_the_window_begins_a_new_row) {
  TargetHealth health(1);
  base::Time now = kStart;
  for (int i = 0; i < 10; ++i, now += kThree.window + 1)
    EXPECT_FALSE(health.note_failure(now, kThree)) << i;

  TargetHealth steady(1);
  EXPECT_FALSE(steady.note_failure(kStart, kThree));
  EXPECT_FALSE(steady.note_failure(kStart + kThree.window, kThree));
  EXPECT_TRUE(steady.note_failure(kStart + 2 * kThree.window, kThree));
}

TEST(TargetHealth, failures_while_it_is_ejected_count_for_nothing) {
  TargetHealth health(1);
  ejection(health, kStart);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(health.note_failure(kStart + 1, kThree));
  EXPECT_EQ(health.ejected_until(), kStart + kThree.eject);
}

TEST(TargetHealth, ejections_in_a_row_double_up_to_a_limit) {
  TargetHealth health(1);
  base::Time now = kStart;
  for (const int times : {1, 2, 4, 8, 16, 16, 16}) {
    EXPECT_EQ(ejection(health, now), times * kThree.eject);
    now = health.ejected_until();
  }
  for (int i = 0; i < 40; ++i, now = health.ejected_until())
    ASSERT_EQ(ejection(health, now), 16 * kThree.eject);
}

TEST(TargetHealth, a_success_after_an_ejection_ends_the_doubling) {
  TargetHealth health(1);
  ejection(health, kStart);
  const base::Time later = health.ejected_until();
  health.note_success();
  EXPECT_EQ(ejection(health, later), kThree.eject);
}

TEST(TargetHealth, a_row_that_is_longer_than_a_new_limit_ejects_at_once) {
  TargetHealth health(1);
  const Outlier patient{.errors = 100, .window = kThree.window, .eject = kThree.eject};
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(health.note_failure(kStart, patient));
  EXPECT_TRUE(health.note_failure(kStart, kThree));
}

TEST(TargetHealth, of_several_workers_one_sees_the_ejection) {
  constexpr unsigned kThreads = 4;
  constexpr int kFailures = 2000;
  TargetHealth health(kThreads);
  std::atomic<int> ejections{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kFailures; ++n) ejections += health.note_failure(kStart, kThree) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ejections, 1);
  EXPECT_EQ(health.ejected_until(), kStart + kThree.eject);
}

TEST(TargetHealth, totals_are_those_of_all_workers) {
  TargetHealth health(3);
  for (std::size_t worker = 0; worker < 3; ++worker) {
    TargetHealth::Tally& tally = health.tally(worker);
    tally.inflight += 1;
    tally.tunnels += 2;
    tally.requests += 10 * (worker + 1);
    tally.failures += worker;
  }
  const TargetHealth::Totals totals = health.totals();
  EXPECT_EQ(totals.inflight, 3U);
  EXPECT_EQ(totals.tunnels, 6U);
  EXPECT_EQ(totals.requests, 60U);
  EXPECT_EQ(totals.failures, 3U);
}

}  // namespace
}  // namespace engine::route
