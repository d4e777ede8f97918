// SPDX-License-Identifier: GPL-3.0-or-later
// What is in force: the configuration, the snapshot made of it, and its generation. The only one
// who publishes.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "engine/control/apply.h"
#include "engine/control/certificates.h"
#include "engine/control/failure.h"
#include "engine/control/listeners.h"
#include "engine/control/resolve.h"
#include "engine/control/target_tls.h"
#include "engine/io/timers.h"
#include "engine/route/published.h"

namespace engine::control {

class State {
 public:
  struct Parts {
    io::Ring& ring;
    io::Timers& timers;
    route::Published& published;
    Listeners& listeners;
    Resolver& resolver;
    Certificates& certificates;
    TargetTlsContexts& target_tls;
    std::function<void()> notify_workers;  // a snapshot was published
  };
  explicit State(Parts parts);
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Opens what is new to listen on, builds the next snapshot and publishes it. On failure
  // everything stays as it was. Warnings are added to `diagnostics`.
  [[nodiscard]] std::expected<void, Failure> adopt(config::Config config,
                                                   std::vector<config::Diagnostic>& diagnostics);
  // Publishes the resolver's addresses when they changed.
  void refresh_addresses();
  // Publishes local certificates for `names`, those that can be issued.
  void issue_certificates(const std::vector<std::string>& names);

  [[nodiscard]] const config::Config& config() const { return config_; }
  [[nodiscard]] const route::Snapshot* snapshot() const { return parts_.published.current(); }
  [[nodiscard]] std::uint64_t generation() const { return generation_; }

 private:
  void publish(std::unique_ptr<route::Snapshot> next);
  void on_collect();
  void replace_ticket_keys(std::unique_ptr<route::Snapshot> next);
  void on_new_ticket_keys();

  Parts parts_;
  Apply apply_;
  config::Config config_;
  std::uint64_t generation_ = 0;
  io::Timer collect_;
  io::Timer new_ticket_keys_;
  base::Time collect_pause_ = 0;
};

}  // namespace engine::control
