// SPDX-License-Identifier: GPL-3.0-or-later
// The runtime layer in force: every change of it is checked, published and kept in state.json before
// anybody hears that it is done. On the control thread.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/async/scope.h"
#include "engine/control/refusal.h"
#include "engine/control/runtime.h"
#include "engine/control/state.h"
#include "engine/control/state_file.h"

namespace engine::control {

// How long streams of targets that leave may go on, nanoseconds from now.
struct DrainTimes {
  base::Time requests = 0;
  base::Time tunnels = 0;
};

struct Drained {
  std::uint64_t cut = 0;  // streams whose time ran out
};

class Services {
 public:
  using HealthPtr = std::shared_ptr<route::TargetHealth>;

  Services(async::Scope& scope, State& state, StateFile& file)
      : scope_(scope), state_(state), file_(file) {}
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  // Before the first configuration is adopted. What cannot be restored is left out, and said.
  [[nodiscard]] std::expected<void, Failure> restore();

  [[nodiscard]] const Runtime& runtime() const { return runtime_; }
  // Of any layer.
  [[nodiscard]] bool exists(const std::string& service) const;
  [[nodiscard]] std::vector<std::string> names() const;
  // The service that has this site; empty when none has.
  [[nodiscard]] std::string owner_of(const std::string& site) const;
  // Where the service comes from: "proxy.toml:18", "deploy"; empty when there is none.
  [[nodiscard]] std::string origin_of(const std::string& service) const;
  // "service@target" of every target, also of those that are disabled.
  [[nodiscard]] std::vector<std::string> target_ids() const;
  // Of the targets that the service has now.
  [[nodiscard]] std::vector<HealthPtr> targets_of(const std::string& service) const;
  // Those of `before` that the service has no longer.
  [[nodiscard]] std::vector<HealthPtr> leaving(const std::string& service,
                                               const std::vector<HealthPtr>& before) const;
  [[nodiscard]] std::unexpected<Refusal> unknown(const std::string& service) const;

  // Brings `next` into force, or changes nothing. `unproven`: a service whose new targets are
  // down until a probe finds them up; empty: none.
  [[nodiscard]] std::expected<void, Refusal> change(Runtime next, const std::string& unproven = {});
  // The same, then lets the streams of targets that `service` no longer has end.
  [[nodiscard]] async::Task<std::expected<Drained, Refusal>> change_and_drain(Runtime next,
                                                                              std::string service,
                                                                              DrainTimes times);
  // Waits until no stream uses `targets`; what is left at its time is cut.
  [[nodiscard]] async::Task<Drained> drain(std::vector<HealthPtr> targets, DrainTimes times);
  // What drain() made of them is void.
  static void undrain(const std::vector<HealthPtr>& targets);

 private:
  struct Unproven {
    std::string service;
    std::vector<HealthPtr> known;  // targets that it had before
  };

  [[nodiscard]] State::Overlay overlay_of(const Runtime& runtime) const;
  void amend(route::Service& service) const;

  async::Scope& scope_;
  State& state_;
  StateFile& file_;
  Runtime runtime_;
  Unproven unproven_;  // while a change is under way
};

}  // namespace engine::control
