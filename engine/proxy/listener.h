// SPDX-License-Identifier: GPL-3.0-or-later
// Accepts connections on one worker's socket of a listening address. It pauses when the worker is
// out of slots or the process out of descriptors, and goes on when there are some again.
#pragma once

#include <memory>

#include "engine/io/operation.h"
#include "engine/io/timers.h"
#include "engine/route/listen.h"

namespace engine::proxy {

class Worker;

class Listener {
 public:
  Listener(Worker& worker, std::shared_ptr<const route::Listen> listen);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();
  void pause();
  // Takes who waits already, then stops for good; it may end once `stopped()`.
  void stop();
  [[nodiscard]] bool stopped() const { return stopping_ && !accept_operation_.in_flight(); }
  [[nodiscard]] const route::Listen* listen() const { return listen_.get(); }
  [[nodiscard]] bool handed_over() const { return listen_->handed_over(); }

 private:
  [[nodiscard]] int socket() const;
  void refuse_newcomers();
  void on_accept(const io::Completion& completion);
  void on_pause_over();

  Worker& worker_;
  std::shared_ptr<const route::Listen> listen_;
  io::Operation accept_operation_{io::On<&Listener::on_accept>{}, this};
  io::Timer pause_timer_{io::Expires<&Listener::on_pause_over>{}, this};
  bool stopping_ = false;
  bool paused_ = false;
};

}  // namespace engine::proxy
