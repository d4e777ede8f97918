// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/state.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace engine::control {
namespace {

// Workers move on within a tick; one that is stuck behind a long tick is asked less and less often.
constexpr base::Time kCollectPauseMin = 10 * base::kMillisecond;
constexpr base::Time kCollectPauseMax = base::kSecond;

// A site belongs to one service.
std::expected<config::Config, Failure> merge(const config::Config& file,
                                             const std::vector<config::Site>& runtime) {
  config::Config merged = file;
  std::unordered_map<std::string_view, const config::Site*> owners;
  for (const config::Site& site : file.sites) owners.emplace(site.key, &site);
  for (const config::Site& site : runtime) {
    const auto [owner, is_free] = owners.emplace(site.key, &site);
    if (!is_free) {
      return std::unexpected(
          Failure{.message = "the site \"" + site.key + "\" of " + owner->second->origin() +
                             " belongs to the service \"" + site.service + "\" already",
                  .fix = "engine remove " + site.service + ", or leave the site out",
                  .exit_code = kExitConfiguration});
    }
    merged.sites.push_back(site);
  }
  return merged;
}

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
           .amend =
               [this](route::Service& service) {
                 if (overlay_.amend) overlay_.amend(service);
               }}),
      collect_(io::Expires<&State::on_collect>(), this),
      new_ticket_keys_(io::Expires<&State::on_new_ticket_keys>(), this) {}

std::expected<void, Failure> State::adopt(config::Config config,
                                          std::vector<config::Diagnostic>& diagnostics) {
  return adopt(std::move(config), overlay_, diagnostics);
}

std::expected<void, Failure> State::overlay(Overlay overlay,
                                            std::vector<config::Diagnostic>& diagnostics) {
  if (snapshot() == nullptr) {
    overlay_ = std::move(overlay);
    return {};
  }
  return adopt(file_, std::move(overlay), diagnostics);
}

std::expected<void, Failure> State::adopt(config::Config file, Overlay overlay,
                                          std::vector<config::Diagnostic>& diagnostics) {
  auto sites = overlay.sites ? overlay.sites(file.defaults) : Overlay::Sites();
  if (!sites) return std::unexpected(sites.error());
  auto effective = merge(file, *sites);
  if (!effective) return std::unexpected(effective.error());
  // First what can fail: after it the new configuration is in force.
  auto listens = parts_.listeners.open(file.listen);
  if (!listens) return std::unexpected(listens.error());
  if (auto loaded = parts_.target_tls.load(*effective); !loaded) return loaded;
  auto certificates = parts_.certificates.load(*effective, diagnostics);
  if (!certificates) return std::unexpected(certificates.error());
  file_ = std::move(file);
  effective_ = std::move(*effective);
  overlay_ = std::move(overlay);
  auto next = apply_.build(
      effective_, snapshot(), std::move(*listens),
      [this](const auto& targets) { set_resolved(targets); }, diagnostics);
  next->certificates = std::move(*certificates);
  if (snapshot() != nullptr) next->ticket_keys = snapshot()->ticket_keys;
  next->ticket_keys == nullptr ? replace_ticket_keys(std::move(next)) : publish(std::move(next));
  return {};
}

void State::set_resolved(const std::vector<std::shared_ptr<const route::Target>>& in_use) {
  std::vector<std::shared_ptr<const route::Target>> wanted = in_use;
  wanted.insert(wanted.end(), overlay_.candidates.begin(), overlay_.candidates.end());
  parts_.resolver.set_targets(wanted);
}

void State::set_candidates(std::vector<std::shared_ptr<const route::Target>> targets) {
  overlay_.candidates = std::move(targets);
  set_resolved(targets_in_use(*snapshot()));
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

void State::nudge() { publish(std::make_unique<route::Snapshot>(*snapshot())); }

void State::refresh_addresses() {
  if (auto next = apply_.refresh(*snapshot())) publish(std::move(next));
}

void State::publish(std::unique_ptr<route::Snapshot> next) {
  next->generation = ++generation_;
  parts_.published.publish(std::move(next));
  parts_.notify_workers();
  if (published_call_) published_call_();
  collect_pause_ = kCollectPauseMin;
  parts_.timers.set(collect_, parts_.ring.now() + collect_pause_);
}

void State::on_collect() {
  if (parts_.published.collect() == 0) return;
  collect_pause_ = std::min(2 * collect_pause_, kCollectPauseMax);
  parts_.timers.set(collect_, parts_.ring.now() + collect_pause_);
}

}  // namespace engine::control
