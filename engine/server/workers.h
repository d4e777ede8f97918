// SPDX-License-Identifier: GPL-3.0-or-later
// The threads of the data plane: each opens its own ring, serves, and tells control when it ends.
#pragma once

#include <atomic>
#include <cstddef>
#include <expected>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"
#include "engine/control/failure.h"
#include "engine/control/metrics.h"
#include "engine/io/ring.h"
#include "engine/proxy/worker.h"
#include "engine/route/inquiry.h"
#include "engine/route/published.h"
#include "engine/server/log_writer.h"

namespace engine::server {

class Workers {
 public:
  struct Options {
    std::size_t count = 1;
    std::vector<int> cpus;  // one for each worker, or empty
    proxy::AccessLogOptions access;
    std::function<void(const std::string& name)> ask_for_certificate;  // called by any worker
  };

  // `log_writer` may be null. `on_ended` is called by each worker's thread before it ends.
  Workers(Options options, route::Published& published, route::Mailboxes& mailboxes,
          LogWriter* log_writer, std::function<void()> on_ended);
  // After join().
  ~Workers() = default;
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Returns when every worker serves; when one cannot, all have ended. A snapshot must have been
  // published.
  [[nodiscard]] std::expected<void, control::Failure> start();
  void notify() noexcept;
  void stop(base::Time grace) noexcept;
  void join();

  // After start().
  [[nodiscard]] const std::string& ring_capabilities() const { return ring_capabilities_; }
  // What each worker counts, also while it does. Between start() and join().
  [[nodiscard]] std::vector<control::WorkerFigures> figures() const;
  // After join().
  [[nodiscard]] const route::Counters& totals() const { return totals_; }

 private:
  struct Seat {
    std::promise<std::optional<io::RingFailure>> started;
    proxy::Worker* worker = nullptr;  // set before `started`; lives until may_end_
    route::Counters counters;
    std::thread thread;
  };

  void serve(std::size_t index);
  [[nodiscard]] proxy::WorkerOptions options_of(std::size_t index) const;

  Options options_;
  route::Published& published_;
  route::Mailboxes& mailboxes_;
  LogWriter* log_writer_;
  std::function<void()> on_ended_;
  std::vector<std::unique_ptr<Seat>> seats_;
  // A worker that has ended stays until all are joined: control may still call its notify().
  std::atomic<bool> may_end_{false};
  route::Counters totals_;
  std::string ring_capabilities_;
};

}  // namespace engine::server
