// SPDX-License-Identifier: GPL-3.0-or-later
// Ctrl-C as something to wait for: who is interrupted may still undo what was begun.
#pragma once

#include <csignal>

#include "engine/base/clock.h"

namespace engine::cli {

// While it lives, SIGINT and SIGTERM end no wait but its own. For a process with one thread.
class Interrupt {
 public:
  enum class Woke : unsigned char { Ready, Interrupted, TimedOut };

  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Until `descriptor` (-1: none) has one of poll(2)'s `events`, or fails. `deadline` is on the
  // monotonic clock; base::kNever waits for ever.
  [[nodiscard]] Woke wait(int descriptor, short events, base::Time deadline);

 private:
  int signals_;
  sigset_t before_;
};

}  // namespace engine::cli
