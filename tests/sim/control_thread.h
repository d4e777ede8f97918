// SPDX-License-Identifier: GPL-3.0-or-later
// The control thread on the simulated kernel: control's own objects on a ring of their own, which turns when the seed
// says so. Left out is what is the machine's: signals, watched files, DNS (targets are addresses), the control socket.
// state.json is a file as ever.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/control/operations.h"
#include "tests/sim/kernel.h"

namespace sim {

namespace async = engine::async;
namespace control = engine::control;
namespace io = engine::io;
namespace route = engine::route;

class ControlThread final : public Actor {
 public:
  struct Parts {
    Kernel& kernel;
    route::Published& published;
    route::Mailboxes& mailboxes;
    std::function<void()> notify_workers;
  };
  // With the snapshot of proxy.toml published. `toml` is what follows `listen` there.
  ControlThread(Parts parts, const std::string& toml);
  // After it has closed.
  ~ControlThread() override;
  ControlThread(const ControlThread&) = delete;
  ControlThread& operator=(const ControlThread&) = delete;

  [[nodiscard]] control::Operations& operations() { return operations_; }
  [[nodiscard]] control::State& state() { return state_; }
  [[nodiscard]] io::Ring& ring() { return *ring_; }

  // It closes soon.
  void close();
  // Nothing runs any more, and the kernel has nothing of it.
  [[nodiscard]] bool closed() const;

  bool turn() override;
  [[nodiscard]] base::Time wakes() const override { return timers_.next_deadline(); }

 private:
  // Of this process alone, and gone with it.
  struct Folder {
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string path;
  };

  Kernel& kernel_;
  Folder folder_;
  std::unique_ptr<io::Ring> ring_;
  io::Timers timers_;
  control::Listeners listeners_;
  control::Resolver resolver_;
  control::Certificates certificates_;
  control::TargetTlsContexts target_tls_;
  control::State state_;
  control::Operations operations_;
};

}  // namespace sim
