// SPDX-License-Identifier: GPL-3.0-or-later
// Asks the targets of services with a health path for ever whether they are up, and tells the
// workers. On the control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "engine/async/scope.h"
#include "engine/control/events.h"
#include "engine/control/probe.h"
#include "engine/control/state.h"

namespace engine::control {

class Health {
 public:
  struct Last {
    std::string at;  // RFC 3339; empty before the first answer
    std::string text;
  };

  // `changed` is called when a target came up or went down: requests may wait for it.
  Health(async::Scope& scope, State& state, Events& events, std::function<void()> changed);
  // The scope's tasks have ended.
  ~Health() = default;
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  // After a publication: starts to ask the targets that are new, and stops with those that are gone.
  void review();
  // Of the target whose health it is; null when nobody asks it.
  [[nodiscard]] const Last* last(const route::TargetHealth& target) const;

 private:
  struct Watch {
    std::string service;
    std::shared_ptr<const route::Target> target;
    std::shared_ptr<route::TargetHealth> health;
    config::Health wishes;
    Last last;
    unsigned in_row = 0;  // answers that contradict what the workers know
    bool as_https = false;
    bool stopped = false;
  };
  using WatchPtr = std::shared_ptr<Watch>;

  async::Task<void> run(WatchPtr watch);
  void take(Watch& watch, const ProbeAnswer& answer);
  [[nodiscard]] std::shared_ptr<const route::Addresses> addresses_of(const Watch& watch) const;
  [[nodiscard]] base::Time jittered(config::Milliseconds every);

  async::Scope& scope_;
  State& state_;
  Events& events_;
  std::function<void()> changed_;
  std::map<const route::TargetHealth*, WatchPtr> watches_;
  std::uint64_t random_ = 0x9e3779b97f4a7c15;
};

}  // namespace engine::control
