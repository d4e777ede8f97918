// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/operations.h"

#include "engine/base/log.h"

namespace engine::control {
namespace {

void log_refusal(const Refusal& refusal) {
  base::log::error("upgrade refused", {{"cause", refusal.detail}});
}

}  // namespace

async::Task<std::expected<pid_t, Refusal>> Operations::upgrade() {
  for (const auto& deploy : deploys.list()) {
    if (deploy->over()) continue;
    co_return std::unexpected(refusal(
        409, "deploy " + deploy->id() + " of \"" + deploy->request().service + "\" is under way",
        "upgrade after its end"));
  }
  const auto pid = co_await handover.run();
  if (pid) stop("upgrade");
  co_return pid;
}

async::Task<void> Operations::upgrade_and_log() {
  const auto pid = co_await upgrade();
  if (!pid) log_refusal(pid.error());
}

}  // namespace engine::control
