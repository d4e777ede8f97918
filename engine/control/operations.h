// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that can be asked of a running engine, in one place: what the control API drives. On
// the control thread; ends by close(), then when it is closed.
#pragma once

#include <functional>
#include <string>

#include "engine/async/scope.h"
#include "engine/control/deploy.h"
#include "engine/control/events.h"
#include "engine/control/handover.h"
#include "engine/control/health.h"
#include "engine/control/live.h"
#include "engine/control/reload.h"
#include "engine/control/services.h"
#include "engine/control/state.h"
#include "engine/control/state_file.h"
#include "engine/control/verbs.h"
#include "engine/control/views.h"

namespace engine::control {

struct Operations {
  struct Parts {
    io::Ring& ring;
    io::Timers& timers;
    State& state;
    Resolver& resolver;
    TargetTlsContexts& target_tls;
    route::Mailboxes& mailboxes;
    std::string state_directory;
    std::function<void()> notify_workers;
    std::function<void(const std::string& reason)> stop;  // of this process
  };

  explicit Operations(Parts parts)
      : scope(parts.ring, parts.timers),
        state(parts.state),
        file(std::move(parts.state_directory)),
        services(scope, state, file),
        health(scope, state, events, parts.notify_workers),
        verbs(services, events),
        deploys(scope, state, services, parts.resolver, parts.target_tls, events),
        views(state, services, health),
        live(scope, parts.mailboxes, std::move(parts.notify_workers)),
        handover(scope, state),
        stop(std::move(parts.stop)) {
    state.on_published([this] { health.review(); });
  }
  Operations(const Operations&) = delete;
  Operations& operator=(const Operations&) = delete;

  // The new process, once it serves and this one stops. Refused while a deploy is under way.
  async::Task<std::expected<pid_t, Refusal>> upgrade();
  async::Task<void> upgrade_and_log();

  async::Scope scope;
  State& state;
  Events events;
  StateFile file;
  Services services;
  Health health;
  Verbs verbs;
  Deploys deploys;
  Views views;
  Live live;
  Handover handover;
  std::function<void(const std::string& reason)> stop;
};

}  // namespace engine::control
