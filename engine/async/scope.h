// SPDX-License-Identifier: GPL-3.0-or-later
// Where coroutines live: it ends by cancelling them and waiting for their end. All on the thread of
// its ring.
#pragma once

#include <cstddef>

#include "engine/async/task.h"
#include "engine/base/list.h"
#include "engine/io/ring.h"
#include "engine/io/timers.h"

namespace engine::async {

// Something that a coroutine waits for, as long as it does.
class Wait {
 public:
  Wait() = default;
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  base::ListHook scope_hook;

 protected:
  ~Wait() = default;

 private:
  friend class Scope;
  // The coroutine is to go on soon, with -ECANCELED.
  virtual void cancel() = 0;
};

class Scope {
 public:
  Scope(io::Ring& ring, io::Timers& timers) : ring_(ring), timers_(timers) {}
  // Every task has ended.
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  // Runs until its first wait now. An exception that leaves it ends the process.
  void spawn(Task<void> task);
  // What its coroutines wait for, now and from now on, ends with -ECANCELED.
  void cancel();
  [[nodiscard]] bool cancelled() const { return cancelled_; }
  // Every task has ended.
  [[nodiscard]] bool empty() const { return live_ == 0; }

  // ---- For waits.
  [[nodiscard]] io::Ring& ring() { return ring_; }
  [[nodiscard]] io::Timers& timers() { return timers_; }
  [[nodiscard]] base::Time now() const { return ring_.now(); }
  void add(Wait& wait) { waits_.push_back(wait); }

 private:
  struct Root;  // the coroutine around a spawned task
  static Root run(Scope& scope, Task<void> task);

  io::Ring& ring_;
  io::Timers& timers_;
  base::List<Wait, &Wait::scope_hook> waits_;
  std::size_t live_ = 0;
  bool cancelled_ = false;
};

}  // namespace engine::async
