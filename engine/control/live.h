// SPDX-License-Identifier: GPL-3.0-or-later
// What goes on in the workers at this moment: their clients' connections, and the requests that end.
// Asked of them by their mailboxes, and never waited for long. On the control thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/async/await.h"
#include "engine/async/scope.h"
#include "engine/async/task.h"
#include "engine/route/inquiry.h"

namespace engine::control {

using Json = nlohmann::json;

class Live {
 public:
  static constexpr std::size_t kConnectionsMax = 10'000;  // in one list, an equal share per worker
  static constexpr std::size_t kTapsMax = 16;             // each has a buffer per worker

  Live(async::Scope& scope, route::Mailboxes& mailboxes, std::function<void()> notify_workers)
      : scope_(scope), mailboxes_(mailboxes), notify_workers_(std::move(notify_workers)) {}
  Live(const Live&) = delete;
  Live& operator=(const Live&) = delete;

  // {"connections":[…],"truncated":false,"silent_workers":0}, by worker, the oldest first. One list
  // at a time is made.
  async::Task<Json> connections(route::ConnectionFilter filter);
  // At once, whatever goes on there. False when there is none of this id, or its worker is silent.
  async::Task<bool> close(std::string id);
  // Every worker has it when the task gives it, until nobody holds it. Null when there are too many.
  async::Task<std::shared_ptr<route::Tap>> tap(route::TapFilter filter);

  // Notified when a worker has answered, or lines of a tap are waited for and there.
  [[nodiscard]] async::Event& heard() { return heard_; }

 private:
  async::Task<void> await_answers(std::shared_ptr<route::Inquiry> inquiry);
  [[nodiscard]] std::shared_ptr<route::Tap> held(std::shared_ptr<route::Tap> tap);

  async::Scope& scope_;
  route::Mailboxes& mailboxes_;
  std::function<void()> notify_workers_;
  async::Event heard_;
  async::Event listed_;
  bool listing_ = false;
  std::size_t tap_count_ = 0;
};

}  // namespace engine::control
