// SPDX-License-Identifier: GPL-3.0-or-later
// A real ring that turns on the test's own thread, and a scope on it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "engine/async/scope.h"

namespace engine::async::test {

class Loop : public testing::Test {
 protected:
  ~Loop() override {
    scope_.cancel();
    while (!scope_.empty()) tick();
  }

  void tick() {
    const base::Time soon = ring_->now() + 20 * base::kMillisecond;
    ring_->submit_and_wait(std::min(timers_.next_deadline(), soon));
    ring_->dispatch();
    timers_.advance(ring_->now());
  }
  // False when it does not come true in ten seconds.
  template <typename Condition>
  [[nodiscard]] bool run_until(Condition condition) {
    const base::Time end = ring_->now() + 10 * base::kSecond;
    while (!condition()) {
      if (ring_->now() >= end) return false;
      tick();
    }
    return true;
  }

  std::unique_ptr<io::Ring> ring_ = *io::Ring::open(
      {.entries = 64, .completions = 1024, .buffer_count = 1, .buffer_bytes = 4096});
  io::Timers timers_{ring_->now()};
  Scope scope_{*ring_, timers_};
};

}  // namespace engine::async::test
