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
      apply_(
          {.worker_count = parts_.published.reader_count(),
           .addresses_of =
               [this](const route::Target& target) { return parts_.resolver.addresses_of(target); },
           .tls_of =
               [this](const config::UpstreamTls& wishes) { return parts_.target_tls.of(wishes); },
           .client_ca_of =
               [this](const config::Site& site) { return parts_.certificates.client_ca_of(site); },
           .amend = {}}),
      collect_(io::Expires<&State::on_collect>(), this),
      new_ticket_keys_(io::Expires<&State::on_new_ticket_keys>(), this) {}

std::expected<void, Failure> State::adopt(config::Config config,
                                          std::vector<config::Diagnostic>& diagnostics) {
  // First what can fail: after it the new configuration is in force.
  auto listens = parts_.listeners.open(config.listen);
  if (!listens) return std::unexpected(listens.error());
  if (auto loaded = parts_.target_tls.load(config); !loaded) return loaded;
  auto certificates = parts_.certificates.load(config, diagnostics);
  if (!certificates) return std::unexpected(certificates.error());
  auto next = apply_.build(
      config, snapshot(), std::move(*listens),
      [this](const auto& targets) { parts_.resolver.set_targets(targets); }, diagnostics);
  next->certificates = std::move(*certificates);
  if (snapshot() != nullptr) next->ticket_keys = snapshot()->ticket_keys;
  config_ = std::move(config);
  next->ticket_keys == nullptr ? replace_ticket_keys(std::move(next)) : publish(std::move(next));
  return {};
}

void State::issue_certificates(const std::vector<std::string>& names) {
  auto certificates = parts_.certificates.issue(names);
  if (certificates == nullptr) return;
  auto next = std::make_unique<route::Snapshot>(*snapshot());
  next->certificates = std::move(certificates);
  publish(std::move(next));
}

void State::replace_ticket_keys(std::unique_ptr<route::Snapshot> next) {
  next->ticket_keys = tls::TicketKeys::make(next->ticket_keys.get());
  parts_.timers.set(new_ticket_keys_, parts_.ring.now() + tls::kTicketKeySeconds * base::kSecond);
  publish(std::move(next));
}

void State::on_new_ticket_keys() {
  replace_ticket_keys(std::make_unique<route::Snapshot>(*snapshot()));
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
