// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/io/timers.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

namespace engine::io {
namespace {

using base::kMillisecond;
using base::kSecond;

// Goes off, and notes when.
struct Alarm {
  explicit Alarm(const base::Time* the_clock) : clock(the_clock) {}
  void ring() { rang_at.push_back(*clock); }

  const base::Time* clock;
  std::vector<base::Time> rang_at;
  Timer timer{Expires<&Alarm::ring>{}, this};
};

class TimersTest : public testing::Test {
 protected:
  void advance_to(base::Time time) {
    now_ = time;
    timers_.advance(now_);
  }
  // As a loop does it: from one moment that matters to the next.
  void run_until(base::Time end) {
    while (timers_.next_deadline() <= end) advance_to(timers_.next_deadline());
    advance_to(end);
  }

  base::Time now_ = 0;
  Timers timers_{0};
};

TEST_F(TimersTest, a_timer_never_fires_early_and_at_most_one_tick_late) {
  std::mt19937_64 random(1);
  std::vector<std::unique_ptr<Alarm>> alarms;
  std::vector<base::Time> deadlines;
  for (int i = 0; i < 2000; ++i) {
    alarms.push_back(std::make_unique<Alarm>(&now_));
    // Over every level of the wheel: from microseconds to days.
    deadlines.push_back(static_cast<base::Time>(random() % (1ULL << (10 + i % 40))));
    timers_.set(alarms.back()->timer, deadlines.back());
  }

  run_until(20 * 24 * 3600 * kSecond);

  for (std::size_t i = 0; i < alarms.size(); ++i) {
    ASSERT_EQ(alarms[i]->rang_at.size(), 1U) << deadlines[i];
    EXPECT_GE(alarms[i]->rang_at[0], deadlines[i]);
    EXPECT_LE(alarms[i]->rang_at[0], deadlines[i] + 2 * Timers::kTick);
  }
}

TEST_F(TimersTest, a_deadline_that_moved_later_is_looked_at_only_then) {
  Alarm alarm(&now_);
  timers_.set(alarm.timer, 1 * kSecond);
  advance_to(900 * kMillisecond);
  timers_.set(alarm.timer, 3 * kSecond);

  run_until(2900 * kMillisecond);
  EXPECT_TRUE(alarm.rang_at.empty());
  run_until(4 * kSecond);

  EXPECT_EQ(alarm.rang_at.size(), 1U);
}

TEST_F(TimersTest, a_deadline_that_moved_earlier_is_kept) {
  Alarm alarm(&now_);
  timers_.set(alarm.timer, 100 * kSecond);
  timers_.set(alarm.timer, 1 * kSecond);

  run_until(2 * kSecond);

  ASSERT_EQ(alarm.rang_at.size(), 1U);
  EXPECT_LE(alarm.rang_at[0], 1 * kSecond + 2 * Timers::kTick);
}

TEST_F(TimersTest, a_cleared_timer_is_silent) {
  Alarm alarm(&now_);
  timers_.set(alarm.timer, 1 * kSecond);
  timers_.clear(alarm.timer);

  run_until(2 * kSecond);

  EXPECT_TRUE(alarm.rang_at.empty());
  EXPECT_FALSE(alarm.timer.is_set());
}

TEST_F(TimersTest, a_late_look_at_the_clock_fires_everything_that_was_due) {
  std::vector<std::unique_ptr<Alarm>> alarms;
  for (int i = 1; i <= 500; ++i) {
    alarms.push_back(std::make_unique<Alarm>(&now_));
    timers_.set(alarms.back()->timer, i * 17 * kMillisecond);
  }

  advance_to(1000 * kSecond);

  for (const auto& alarm : alarms) EXPECT_EQ(alarm->rang_at.size(), 1U);
  EXPECT_EQ(timers_.next_deadline(), base::kNever);
}

// Sets its neighbour again, and clears itself, from inside the handler.
struct Chain {
  void ring() {
    ++count;
    if (count < 5) timers->set(timer, *clock + 10 * kMillisecond);
  }
  Timers* timers = nullptr;
  const base::Time* clock = nullptr;
  int count = 0;
  Timer timer{Expires<&Chain::ring>{}, this};
};

TEST_F(TimersTest, a_handler_may_set_its_own_timer_again) {
  Chain chain;
  chain.timers = &timers_;
  chain.clock = &now_;
  timers_.set(chain.timer, 10 * kMillisecond);

  run_until(1 * kSecond);

  EXPECT_EQ(chain.count, 5);
}

TEST_F(TimersTest, a_timer_that_ends_while_set_leaves_the_wheel) {
  auto alarm = std::make_unique<Alarm>(&now_);
  timers_.set(alarm->timer, 1 * kSecond);
  alarm.reset();

  run_until(2 * kSecond);
}

}  // namespace
}  // namespace engine::io
