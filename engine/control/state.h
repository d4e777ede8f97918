// SPDX-License-Identifier: GPL-3.0-or-later
// What is in force: the layers of the configuration, the snapshot made of them, and its generation.
// The only one who publishes.
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
  // What is in force beside proxy.toml.
  struct Overlay {
    using Sites = std::expected<std::vector<config::Site>, Failure>;

    // Those of the runtime layer, on the file's defaults. May be empty.
    std::function<Sites(const config::SiteDefaults&)> sites;
    Apply::Amend amend;  // may be empty
    // Whose names are to be resolved before any site has them.
    std::vector<std::shared_ptr<const route::Target>> candidates;
  };

  explicit State(Parts parts);
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Opens what is new to listen on, builds the next snapshot and publishes it. On failure
  // everything stays as it was. Warnings are added to `diagnostics`.
  [[nodiscard]] std::expected<void, Failure> adopt(config::Config config,
                                                   std::vector<config::Diagnostic>& diagnostics);
  // The same with another overlay. Until the first adopt() it is only kept for that.
  [[nodiscard]] std::expected<void, Failure> overlay(Overlay overlay,
                                                     std::vector<config::Diagnostic>& diagnostics);
  // Starts to resolve the names of targets that no site has yet, until the next call.
  void set_candidates(std::vector<std::shared_ptr<const route::Target>> targets);
  // Called after each publication.
  void on_published(std::function<void()> call) { published_call_ = std::move(call); }

  // Publishes what is in force once more: the workers look at every stream again.
  void nudge();
  // Publishes the resolver's addresses when they changed.
  void refresh_addresses();
  // Publishes local certificates for `names`, those that can be issued.
  void issue_certificates(const std::vector<std::string>& names);

  // The file layer alone.
  [[nodiscard]] const config::Config& config() const { return file_; }
  // With the sites of every layer.
  [[nodiscard]] const config::Config& effective() const { return effective_; }
  [[nodiscard]] const route::Snapshot* snapshot() const { return parts_.published.current(); }
  [[nodiscard]] std::uint64_t generation() const { return generation_; }

 private:
  std::expected<void, Failure> adopt(config::Config file, Overlay overlay,
                                     std::vector<config::Diagnostic>& diagnostics);
  void set_resolved(const std::vector<std::shared_ptr<const route::Target>>& in_use);
  void publish(std::unique_ptr<route::Snapshot> next);
  void on_collect();
  void replace_ticket_keys(std::unique_ptr<route::Snapshot> next);
  void on_new_ticket_keys();

  Parts parts_;
  Apply apply_;
  config::Config file_;
  config::Config effective_;
  Overlay overlay_;
  std::function<void()> published_call_;
  std::uint64_t generation_ = 0;
  io::Timer collect_;
  io::Timer new_ticket_keys_;
  base::Time collect_pause_ = 0;
};

}  // namespace engine::control
