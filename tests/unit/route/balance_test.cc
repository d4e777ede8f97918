// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/balance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/allocation_count.h"

namespace engine::route {
namespace {

constexpr Balance kAll[] = {Balance::P2c,          Balance::RoundRobin, Balance::LeastConn,
                            Balance::HashClientIp, Balance::HashHeader, Balance::HashCookie,
                            Balance::First};

struct Pool {
  explicit Pool(const std::vector<std::uint32_t>& weights) : loads(weights.size()) {
    for (const std::uint32_t weight : weights) {
      const auto number = static_cast<std::uint32_t>(targets.size());
      targets.push_back({.target = std::make_shared<Target>(
                             TargetKind::Tcp, "web-" + std::to_string(number), std::uint16_t{80}),
                         .target_index = number,
                         .weight = weight});
    }
  }

  std::uint32_t choose(Balance balance, std::string_view key = "key") {
    return route::choose(balance, targets, loads, key, state);
  }

  // The share of each target in `count` choices.
  std::vector<double> shares(Balance balance, int count) {
    std::vector<double> result(targets.size());
    for (int i = 0; i < count; ++i) {
      result.at(choose(balance, "client-" + std::to_string(i))) += 1.0 / count;
    }
    return result;
  }

  std::vector<WeightedTarget> targets;
  std::vector<Load> loads;
  BalanceState state;
};

TEST(Balance, no_target_and_no_usable_target_give_none) {
  for (const Balance balance : kAll) {
    Pool empty({});
    Pool down({1, 2, 3});
    for (Load& load : down.loads) load.usable = false;
    EXPECT_EQ(empty.choose(balance), kNoTarget);
    EXPECT_EQ(down.choose(balance), kNoTarget);
  }
}

TEST(Balance, the_only_usable_target_is_always_chosen) {
  for (const Balance balance : kAll) {
    Pool pool({1, 1000, 3});
    pool.loads[0].usable = pool.loads[1].usable = false;
    pool.loads[2].inflight = 1'000'000;
    for (int i = 0; i < 100; ++i) ASSERT_EQ(pool.choose(balance, std::to_string(i)), 2U);
  }
}

TEST(Balance, idle_targets_are_chosen_by_weight) {
  for (const Balance balance : {Balance::P2c, Balance::RoundRobin, Balance::LeastConn,
                                Balance::HashClientIp, Balance::HashHeader, Balance::HashCookie}) {
    Pool pool({1, 3, 6});
    const std::vector<double> shares = pool.shares(balance, 20'000);
    EXPECT_NEAR(shares[0], 0.1, 0.015) << static_cast<int>(balance);
    EXPECT_NEAR(shares[1], 0.3, 0.015) << static_cast<int>(balance);
    EXPECT_NEAR(shares[2], 0.6, 0.015) << static_cast<int>(balance);
  }
}

TEST(Balance, the_share_of_an_unusable_target_goes_to_all_others) {
  for (const Balance balance :
       {Balance::P2c, Balance::RoundRobin, Balance::LeastConn, Balance::HashClientIp}) {
    Pool pool({1, 1, 1, 1});
    pool.loads[1].usable = false;
    const std::vector<double> shares = pool.shares(balance, 20'000);
    EXPECT_EQ(shares[1], 0.0);
    for (const std::size_t i : {0U, 2U, 3U}) EXPECT_NEAR(shares[i], 1.0 / 3, 0.015);
  }
}

TEST(Balance, first_keeps_to_the_order_of_the_configuration) {
  Pool pool({1, 1000, 1});
  pool.loads[0].inflight = 5000;
  EXPECT_EQ(pool.choose(Balance::First), 0U);
  pool.loads[0].usable = false;
  EXPECT_EQ(pool.choose(Balance::First), 1U);
}

TEST(Balance, round_robin_of_equals_goes_in_order) {
  Pool pool({7, 7, 7});
  for (std::uint32_t i = 0; i < 12; ++i) EXPECT_EQ(pool.choose(Balance::RoundRobin), i % 3);
}

TEST(Balance, a_round_robin_cycle_gives_every_target_exactly_its_weight) {
  Pool pool({5, 1, 2, 1000});
  std::vector<std::uint32_t> turns(4);
  for (int i = 0; i < 1008; ++i) ++turns.at(pool.choose(Balance::RoundRobin));
  EXPECT_EQ(turns, (std::vector<std::uint32_t>{5, 1, 2, 1000}));
}

TEST(Balance, round_robin_spreads_the_turns_of_a_target) {
  Pool pool({10, 10, 1});  // in a row would be ten times the first
  int row = 0;
  int longest = 0;
  for (int i = 0; i < 210; ++i) {
    row = pool.choose(Balance::RoundRobin) == 0 ? row + 1 : 0;
    longest = std::max(longest, row);
  }
  EXPECT_LE(longest, 2);
}

TEST(Balance, round_robin_survives_the_end_of_its_counter) {
  Pool pool({1, 2});
  pool.state.next = UINT32_MAX - 5;
  for (int i = 0; i < 20; ++i) EXPECT_LT(pool.choose(Balance::RoundRobin), 2U);
}

TEST(Balance, p2c_of_two_takes_the_less_loaded_one) {
  Pool pool({1, 1});
  pool.loads[0].inflight = 1;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(pool.choose(Balance::P2c), 1U);
}

TEST(Balance, p2c_never_takes_the_most_loaded_of_many) {
  Pool pool({1, 1, 1, 1, 1});
  for (std::uint32_t i = 0; i < 5; ++i) pool.loads[i].inflight = 10 * i;
  const std::vector<double> shares = pool.shares(Balance::P2c, 10'000);
  EXPECT_EQ(shares[4], 0.0);
  for (std::size_t i = 0; i + 1 < 5; ++i) EXPECT_GT(shares[i], shares[i + 1]);
}

TEST(Balance, load_is_measured_against_weight) {
  Pool pool({1, 10});
  for (const Balance balance : {Balance::P2c, Balance::LeastConn}) {
    pool.loads[0].inflight = 1;
    pool.loads[1].inflight = 9;
    EXPECT_EQ(pool.choose(balance), 1U);
    pool.loads[1].inflight = 11;
    EXPECT_EQ(pool.choose(balance), 0U);
  }
}

TEST(Balance, least_conn_takes_the_least_loaded_wherever_it_stands) {
  for (std::uint32_t least = 0; least < 7; ++least) {
    Pool pool({1, 1, 1, 1, 1, 1, 1});
    for (Load& load : pool.loads) load.inflight = 4;
    pool.loads[least].inflight = 3;
    EXPECT_EQ(pool.choose(Balance::LeastConn), least);
  }
}

TEST(Balance, a_key_keeps_its_target_whatever_the_load_and_the_order) {
  Pool pool({1, 2, 3});
  Pool turned({1, 2, 3});
  std::ranges::reverse(turned.targets);
  turned.loads[0].inflight = 99;
  for (int i = 0; i < 200; ++i) {
    const std::string key = "10.0.0." + std::to_string(i);
    const std::uint32_t chosen = pool.choose(Balance::HashClientIp, key);
    ASSERT_EQ(pool.choose(Balance::HashClientIp, key), chosen);
    ASSERT_EQ(turned.choose(Balance::HashClientIp, key), 2 - chosen);
  }
}

TEST(Balance, a_target_that_goes_moves_its_own_keys_only) {
  Pool pool({1, 1, 1, 1});
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "user-" + std::to_string(i);
    pool.loads[2].usable = true;
    const std::uint32_t before = pool.choose(Balance::HashHeader, key);
    pool.loads[2].usable = false;
    const std::uint32_t after = pool.choose(Balance::HashHeader, key);
    ASSERT_NE(after, 2U);
    ASSERT_TRUE(before == 2 || after == before);
  }
}

TEST(Balance, a_target_that_comes_takes_only_its_share) {
  Pool three({1, 1, 1});
  Pool four({1, 1, 1, 1});
  int moved = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string key = "user-" + std::to_string(i);
    const std::uint32_t after = four.choose(Balance::HashHeader, key);
    if (after == three.choose(Balance::HashHeader, key)) continue;
    ++moved;
    ASSERT_EQ(after, 3U);
  }
  EXPECT_NEAR(moved / 4000.0, 0.25, 0.03);
}

TEST(Balance, requests_without_a_key_are_spread) {
  Pool pool({1, 1});
  int first = 0;
  for (int i = 0; i < 1000; ++i) first += pool.choose(Balance::HashHeader, "") == 0;
  EXPECT_NEAR(first, 500, 80);
}

TEST(Balance, choosing_allocates_nothing) {
  Pool pool({1, 2, 3});
  const std::uint64_t before = support::allocation_count();
  for (const Balance balance : kAll) ASSERT_NE(pool.choose(balance), kNoTarget);
  EXPECT_EQ(support::allocation_count(), before);
}

}  // namespace
}  // namespace engine::route
