// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/state.h"

#include <algorithm>
#include <utility>

namespace engine::control {
namespace {

// Workers move on within a tick; one that is stuck behind a long tick is asked less and less often.
constexpr base::Time kCollectPauseMin = 10 * base::kMillisecond;
constexpr base::Time kCollectPauseMax = base::kSecond;

}  // namespace

State::State(Parts parts)
    : parts_(std::move(parts)),
      apply_([this](const route::Target& target) { return parts_.resolver.addresses_of(target); }),
      collect_(io::Expires<&State::on_collect>(), this) {}

std::expected<void, Failure> State::adopt(config::Config config,
                                          std::vector<config::Diagnostic>& diagnostics) {
  // First what can fail: after it the new configuration is in force.
  auto listens = parts_.listeners.open(config.listen);
  if (!listens) return std::unexpected(listens.error());
  auto next = apply_.build(
      config, snapshot(), std::move(*listens),
      [this](const auto& targets) { parts_.resolver.set_targets(targets); }, diagnostics);
  config_ = std::move(config);
  publish(std::move(next));
  return {};
}

void State::refresh_addresses() {
  if (auto next = apply_.refresh(*snapshot())) publish(std::move(next));
}

void State::publish(std::unique_ptr<route::Snapshot> next) {
  next->generation = ++generation_;
  parts_.published.publish(std::move(next));
  parts_.notify_workers();
  collect_pause_ = kCollectPauseMin;
  parts_.timers.set(collect_, parts_.ring.now() + collect_pause_);
}

void State::on_collect() {
  if (parts_.published.collect() == 0) return;
  collect_pause_ = std::min(2 * collect_pause_, kCollectPauseMax);
  parts_.timers.set(collect_, parts_.ring.now() + collect_pause_);
}

}  // namespace engine::control
