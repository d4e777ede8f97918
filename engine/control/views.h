// SPDX-License-Identifier: GPL-3.0-or-later
// What is in force, as JSON for people's programs: routes, services, targets. Reads only.
#pragma once

#include <string>

#include "engine/control/health.h"
#include "engine/control/services.h"
#include "engine/control/state.h"

namespace engine::control {

class Views {
 public:
  Views(const State& state, const Services& services, const Health& health)
      : state_(state), services_(services), health_(health) {}

  // {"routes":[…],"at_seconds":…,"duration_bounds":[…]}, in the order of the sites' keys. What is
  // counted only grows; two readings and the time between them give rates.
  [[nodiscard]] Json routes() const;
  // {"services":[…]}
  [[nodiscard]] Json services() const;
  // Of a service that exists.
  [[nodiscard]] Json service(const std::string& name) const;
  // {"targets":[…]}
  [[nodiscard]] Json targets() const;
  // {"total","up","down"} and {"total","running","paused","stopped"}
  [[nodiscard]] Json target_counts() const;
  [[nodiscard]] Json service_counts() const;

 private:
  [[nodiscard]] Json targets_of(const std::string& service) const;
  [[nodiscard]] Json target(const std::string& service, const config::Target& target) const;
  [[nodiscard]] Json route(const config::Site& site) const;
  [[nodiscard]] std::string_view gate_of(const std::string& service) const;

  const State& state_;
  const Services& services_;
  const Health& health_;
};

}  // namespace engine::control
