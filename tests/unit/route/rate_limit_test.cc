// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/rate_limit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "engine/route/hash.h"

namespace engine::route {
namespace {

constexpr base::Time kStart = 1000 * base::kSecond;
constexpr Rate kTen{.interval = base::kSecond / 10, .burst = 3};

std::uint64_t client(int number) {
  return hash_bytes(kPublicSecret, "client " + std::to_string(number), 0);
}

int taken(RateLimit& limit, std::uint64_t key, base::Time now, int tries = 100) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += limit.take(key, now) == 0 ? 1 : 0;
  return count;
}

TEST(RateLimit, a_burst_passes_at_once_and_then_one_in_each_interval) {
  RateLimit limit(kTen);
  EXPECT_EQ(taken(limit, client(1), kStart), 3);
  for (int i = 1; i < 50; ++i)
    EXPECT_EQ(taken(limit, client(1), kStart + i * kTen.interval + base::kMillisecond), 1) << i;
}

TEST(RateLimit, who_is_refused_hears_when_there_will_be_room) {
  RateLimit limit(kTen);
  EXPECT_EQ(taken(limit, client(1), kStart), 3);
  const base::Time wait = limit.take(client(1), kStart);
  EXPECT_NEAR(static_cast<double>(wait), static_cast<double>(kTen.interval), 1000);
  EXPECT_GT(limit.take(client(1), kStart + wait - base::kMillisecond), 0);
  EXPECT_EQ(limit.take(client(1), kStart + wait), 0);
}

TEST(RateLimit, a_refused_request_costs_nothing) {
  RateLimit limit(kTen);
  EXPECT_EQ(taken(limit, client(1), kStart, 10'000), 3);
  EXPECT_EQ(taken(limit, client(1), kStart + base::kSecond), 3);
}

TEST(RateLimit, each_client_has_its_own) {
  RateLimit limit(kTen);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(taken(limit, client(i), kStart, 5), 3) << i;
}

TEST(RateLimit, more_clients_than_places_are_never_refused_too_early) {
  RateLimit limit({.interval = base::kSecond, .burst = 1});
  int refused = 0;
  for (int i = 0; i < 200'000; ++i) refused += limit.take(client(i), kStart) == 0 ? 0 : 1;
  EXPECT_LT(refused, 100);  // two that are taken for one: 2^-16 for each of eight neighbours
}

// Each worker reads its clock once a turn.
TEST(RateLimit, whose_clock_is_behind_takes_no_burst_of_its_own) {
  for (const base::Time behind : {base::Time{1000}, base::kMillisecond, 10 * base::kSecond}) {
    RateLimit limit(kTen);
    EXPECT_EQ(taken(limit, client(1), kStart), 3);
    EXPECT_EQ(taken(limit, client(1), kStart - behind), 0) << behind;
    EXPECT_EQ(taken(limit, client(1), kStart + kTen.interval + base::kMillisecond), 1) << behind;
  }
}

TEST(RateLimit, it_stays_exact_while_the_clock_goes_round) {
  constexpr base::Time kRound = (base::Time{1} << 48U) * 256;
  RateLimit limit(kTen);
  for (const base::Time at : {kRound - base::kSecond, kRound, kRound + base::kSecond})
    EXPECT_EQ(taken(limit, client(1), at), 3);
  EXPECT_EQ(taken(limit, client(1), kRound + kRound / 2 + base::kSecond), 3);
}

TEST(RateLimit, very_high_and_very_low_rates_hold) {
  RateLimit fast({.interval = base::kSecond / 1'000'000, .burst = 1});
  int passed = 0;
  for (int i = 0; i < 2000; ++i)
    passed += fast.take(client(1), kStart + i * base::kSecond / 2'000'000) == 0 ? 1 : 0;
  EXPECT_NEAR(passed, 1000, 60);
  RateLimit slow({.interval = 24 * 3600 * base::kSecond, .burst = 2});
  EXPECT_EQ(taken(slow, client(1), kStart), 2);
  EXPECT_EQ(taken(slow, client(1), kStart + 23 * 3600 * base::kSecond), 0);
  EXPECT_EQ(taken(slow, client(1), kStart + 25 * 3600 * base::kSecond), 1);
}

TEST(RateLimit, a_burst_may_take_a_year_to_come_back) {
  constexpr base::Time kDay = 24 * 3600 * base::kSecond;
  RateLimit longest({.interval = kDay, .burst = 365});
  EXPECT_EQ(taken(longest, client(1), kStart, 1000), 365);
  EXPECT_EQ(taken(longest, client(1), kStart + 365 * kDay + base::kSecond, 1000), 365);
}

TEST(RateKey, addresses_of_one_network_of_ipv6_are_one_client) {
  const std::uint64_t one = rate_key_of_address("2001:db8:0:1::7");
  EXPECT_EQ(rate_key_of_address("2001:db8::1:ffff:ffff:ffff:ffff"), one);
  EXPECT_NE(rate_key_of_address("2001:db8:0:2::7"), one);
  EXPECT_NE(rate_key_of_address("2001:db8::7"), one);
}

TEST(RateKey, each_address_of_ipv4_is_a_client_however_it_is_written) {
  const std::uint64_t one = rate_key_of_address("192.0.2.7");
  EXPECT_EQ(rate_key_of_address("::ffff:192.0.2.7"), one);
  EXPECT_NE(rate_key_of_address("192.0.2.8"), one);
  EXPECT_NE(rate_key_of_address("::ffff:192.0.2.8"), one);
}

TEST(RateKey, who_has_no_address_is_told_by_what_there_is) {
  EXPECT_EQ(rate_key_of_address(""), rate_key_of_address(""));
  EXPECT_NE(rate_key_of_address(""), rate_key_of_address("somebody"));
}

TEST(RateKey, a_value_does_not_count_for_the_address_that_it_reads_like) {
  EXPECT_NE(rate_key_of_text("192.0.2.7"), rate_key_of_address("192.0.2.7"));
  EXPECT_NE(rate_key_of_text("somebody"), rate_key_of_address("somebody"));
  EXPECT_NE(rate_key_of_text("a"), rate_key_of_text("b"));
}

TEST(RateLimit, threads_share_it_and_together_take_no_more) {
  RateLimit limit({.interval = 3600 * base::kSecond, .burst = 1000});
  std::atomic<int> sum{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { sum += taken(limit, client(1), kStart, 1000); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 1000);
}

}  // namespace
}  // namespace engine::route
