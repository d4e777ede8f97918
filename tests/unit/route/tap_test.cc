// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/tap.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace engine::route {
namespace {

TEST(TapFilter, one_without_wishes_wants_everything_also_what_never_became_a_request) {
  const TapFilter filter;
  EXPECT_TRUE(filter.wants("a.test", "GET", "/", 200));
  EXPECT_TRUE(filter.wants("", "", "", 0));
}

TEST(TapFilter, every_wish_must_be_met) {
  const TapFilter filter{
      .site = "a.test", .method = "GET", .path = "/api", .status_min = 500, .status_max = 599};
  EXPECT_TRUE(filter.wants("a.test", "GET", "/api/x", 500));
  EXPECT_TRUE(filter.wants("a.test", "GET", "/api", 599));
  EXPECT_FALSE(filter.wants("a.test/api", "GET", "/api/x", 502));
  EXPECT_FALSE(filter.wants("a.test", "get", "/api/x", 502));
  EXPECT_FALSE(filter.wants("a.test", "GET", "/ap", 502));
  EXPECT_FALSE(filter.wants("a.test", "GET", "/api", 499));
  EXPECT_FALSE(filter.wants("a.test", "GET", "/api", 600));
}

TEST(Tap, lines_of_all_workers_are_taken_whole) {
  Tap tap({}, 2, [] {});
  tap.push(0, "a\n");
  tap.push(1, "b\n");
  tap.push(0, "c\n");
  std::string lines;
  tap.take(lines);
  EXPECT_EQ(lines, "a\nc\nb\n");
  tap.take(lines);
  EXPECT_EQ(lines, "a\nc\nb\n");
}

TEST(Tap, a_worker_wakes_once_and_only_when_it_is_waited_for) {
  int woken = 0;
  Tap tap({}, 1, [&] { ++woken; });
  tap.push(0, "a\n");
  EXPECT_EQ(woken, 0);
  EXPECT_FALSE(tap.wait_for_lines());
  std::string lines;
  tap.take(lines);
  EXPECT_TRUE(tap.wait_for_lines());
  tap.push(0, "b\n");
  tap.push(0, "c\n");
  EXPECT_EQ(woken, 1);
}

TEST(Tap, what_a_slow_reader_has_no_room_for_is_counted) {
  Tap tap({}, 1, [] {});
  const std::string line = std::string(1023, 'x') + "\n";
  for (std::size_t i = 0; i < base::ByteRing::kCapacityDefault / 1024 + 3; ++i) tap.push(0, line);
  EXPECT_EQ(tap.dropped(), 3U);
  std::string lines;
  tap.take(lines);
  EXPECT_EQ(lines.size(), base::ByteRing::kCapacityDefault);
  tap.push(0, line);
  EXPECT_EQ(tap.dropped(), 3U);
}

TEST(Tap, a_reader_that_sleeps_only_when_it_may_hears_of_every_line) {
  constexpr std::size_t kLines = 20'000;
  std::atomic<int> wakes = 0;
  Tap tap({}, 2, [&] {
    ++wakes;
    wakes.notify_one();
  });
  const auto write = [&](std::size_t worker) {
    for (std::size_t i = 0; i < kLines; ++i) tap.push(worker, "x\n");
  };
  std::thread one(write, 0);
  std::thread two(write, 1);

  std::string lines;
  for (int seen = 0; lines.size() / 2 + tap.dropped() < 2 * kLines;) {
    tap.take(lines);
    if (lines.size() / 2 + tap.dropped() == 2 * kLines) break;
    if (tap.wait_for_lines()) wakes.wait(seen);  // for ever, if a wake-up is missed
    seen = wakes.load();
  }
  one.join();
  two.join();
  EXPECT_EQ(lines.size() / 2 + tap.dropped(), 2 * kLines);
}

}  // namespace
}  // namespace engine::route
