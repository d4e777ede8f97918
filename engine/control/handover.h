// SPDX-License-Identifier: GPL-3.0-or-later
// A new process of the engine takes over the listening sockets; this one lets its streams finish and
// ends. No connection is refused meanwhile, as both accept from the same sockets.
#pragma once

#include <sys/types.h>

#include <expected>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/async/scope.h"
#include "engine/control/refusal.h"
#include "engine/control/state.h"

namespace engine::control {

// The old process.
class Handover {
 public:
  static constexpr base::Time kPatience = 60 * base::kSecond;  // for the new one's start

  Handover(async::Scope& scope, State& state) : scope_(scope), state_(state) {}
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  // Starts the binary that lies where this one did, with the same arguments, and waits until it
  // serves. Then every socket is handed over; the caller stops. On failure nothing has changed.
  async::Task<std::expected<pid_t, Refusal>> run();
  [[nodiscard]] bool under_way() const { return under_way_; }

 private:
  struct Child {
    pid_t pid = 0;
    int ready = -1;  // a byte when it serves, the end when it has ended
  };

  static void log_start(const Child& child);
  [[nodiscard]] std::expected<Child, Refusal> start() const;
  async::Task<std::string> wait(Child child);

  async::Scope& scope_;
  State& state_;
  bool under_way_ = false;
};

// The new process. What it inherits is taken from the environment once; later calls find nothing.
struct Inheritance {
  std::vector<int> sockets;  // that listen
  int ready = -1;            // where the old process waits
  pid_t from = 0;            // the old process; 0: there is none

  static Inheritance take();
  // Tells the old process that this one serves.
  void say_ready();
};

}  // namespace engine::control
