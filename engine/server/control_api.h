// SPDX-License-Identifier: GPL-3.0-or-later
// Puts the control API together: the operations behind it, the sockets before it, and what it says
// of the process.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "config/config.h"
#include "engine/base/clock.h"
#include "engine/control/api.h"
#include "engine/control/control.h"
#include "engine/control/failure.h"
#include "engine/control/operations.h"
#include "engine/control/reload.h"
#include "engine/server/workers.h"

namespace engine::server {

class ControlApi {
 public:
  struct Parts {
    control::Operations::Parts operations;
    // Later than this object: asked for when a request needs them.
    std::function<control::Reload&()> reload;
    std::function<control::Control&()> control;
    std::function<const Workers&()> workers;
    const control::Certificates& certificates;
    const route::Published& published;
    std::size_t worker_count = 1;
  };

  explicit ControlApi(Parts parts);
  ControlApi(const ControlApi&) = delete;
  ControlApi& operator=(const ControlApi&) = delete;

  // Opens the sockets, then restores what was deployed: it belongs to the engine that answers there.
  // Where another engine has the default socket this one goes on without, and says so.
  // `from`: the process that this one takes over from; 0: none.
  [[nodiscard]] std::expected<void, control::Failure> open(const config::Admin& admin, pid_t from);
  // After the first configuration was adopted.
  void serve();

  // By a signal: what becomes of it is in the log.
  void upgrade();

  // By a worker that has answered, or has lines for a tap.
  void hear_workers() { operations_.live.heard().notify(); }

  void close();
  [[nodiscard]] bool closed() const { return server_.closed() && operations_.scope.empty(); }

 private:
  [[nodiscard]] control::Json info() const;
  [[nodiscard]] control::Json status() const;
  [[nodiscard]] std::string metrics() const;

  Parts parts_;
  base::Time started_ = base::monotonic_now();
  std::string socket_;
  control::Operations operations_;
  std::unique_ptr<control::Api> api_;
  control::ApiServer server_;
};

}  // namespace engine::server
