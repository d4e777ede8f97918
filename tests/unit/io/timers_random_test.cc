// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/io/timers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace engine::io {
namespace {

constexpr base::Time kStart = 1'000 * base::kSecond + 1'234'567;

// Something with a deadline, and what it does then.
struct Waiter {
  void on_expiry() {
    ++fired;
    if (then) then();
  }
  Timer timer{Expires<&Waiter::on_expiry>{}, this};
  int fired = 0;
  std::function<void()> then;
};

TEST(TimersRandom, a_handler_may_clear_another_timer_that_is_due_in_the_same_tick) {
  Timers timers(kStart);
  Waiter first, second;
  first.then = [&] { timers.clear(second.timer); };
  second.then = [&] { timers.clear(first.timer); };
  timers.set(first.timer, kStart + base::kSecond);
  timers.set(second.timer, kStart + base::kSecond);
  timers.advance(kStart + 2 * base::kSecond);
  EXPECT_EQ(first.fired + second.fired, 1);
}

TEST(TimersRandom, a_deadline_that_is_past_fires_with_the_next_tick) {
  Timers timers(kStart);
  Waiter waiter;
  timers.set(waiter.timer, kStart - base::kSecond);
  EXPECT_LE(timers.next_deadline(), kStart + Timers::kTick);
  timers.advance(kStart + Timers::kTick);
  EXPECT_EQ(waiter.fired, 1);
}

TEST(TimersRandom, a_deadline_beyond_the_wheel_still_comes) {
  constexpr base::Time kFar = 1'000LL * 24 * 3'600 * base::kSecond;
  Timers timers(kStart);
  Waiter waiter;
  timers.set(waiter.timer, kStart + kFar);
  timers.advance(kStart + kFar - base::kSecond);
  EXPECT_EQ(waiter.fired, 0);
  timers.advance(kStart + kFar + Timers::kTick);
  EXPECT_EQ(waiter.fired, 1);
}

// Many timers against plain comparison, with a clock that jumps as it likes or as next_deadline() says.
class Model {
 public:
  explicit Model(unsigned seed) : random_(seed), waiters_(40), due_(40, base::kNever) {
    for (auto& waiter : waiters_) waiter = std::make_unique<Waiter>();
  }

  void step() {
    const std::size_t i = random_() % waiters_.size();
    constexpr base::Time kRanges[] = {Timers::kTick, base::kSecond, 100 * base::kSecond,
                                      100'000 * base::kSecond};
    if (random_() % 4 == 0) {
      due_[i] = base::kNever;
    } else {
      due_[i] = now_ + static_cast<base::Time>(random_() %
                                               static_cast<std::uint64_t>(kRanges[random_() % 4]));
    }
    timers_.set(waiters_[i]->timer, due_[i]);
    if (random_() % 3 == 0) move();
  }

 private:
  void move() {
    base::Time next = timers_.next_deadline();
    for (const base::Time due : due_) {
      EXPECT_LE(next, due == base::kNever ? due : due + Timers::kTick);
    }
    const bool follow = random_() % 2 == 0 && next != base::kNever;
    now_ = follow ? std::max(now_, next)
                  : now_ + static_cast<base::Time>(random_() % (50 * base::kSecond));
    timers_.advance(now_);
    for (std::size_t i = 0; i < due_.size(); ++i) {
      if (due_[i] != base::kNever && due_[i] + Timers::kTick <= now_) {
        EXPECT_EQ(waiters_[i]->fired, 1) << "late";
      }
      if (waiters_[i]->fired == 0) continue;
      EXPECT_LE(due_[i], now_) << "early";
      due_[i] = base::kNever;
      waiters_[i]->fired = 0;
    }
  }

  std::mt19937_64 random_;
  base::Time now_ = kStart;
  Timers timers_{kStart};
  std::vector<std::unique_ptr<Waiter>> waiters_;
  std::vector<base::Time> due_;
};

TEST(TimersRandom, many_timers_set_and_cleared_at_random_fire_when_they_should) {
  for (unsigned seed = 1; seed <= 20 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Model model(seed);
    for (int i = 0; i < 5'000; ++i) model.step();
  }
}

}  // namespace
}  // namespace engine::io
