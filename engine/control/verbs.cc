// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/verbs.h"

#include <algorithm>
#include <utility>

#include "config/site_key.h"
#include "engine/base/log.h"

namespace engine::control {
namespace {

namespace log = base::log;

void forget(Runtime& runtime, const std::string& service) {
  runtime.services.erase(service);
  runtime.gates.erase(service);
  runtime.rollouts.erase(service);
  std::erase_if(runtime.target_wishes,
                [&](const auto& entry) { return entry.first.starts_with(service + "@"); });
}

}  // namespace

void Verbs::tell(std::string kind, const std::string& service, std::string_view what) {
  log::info(kind, {{"service", service}, {"what", what}});
  events_.add(std::move(kind), {{"service", service}, {"what", what}});
}

async::Task<Verbs::Result> Verbs::pause(std::string service, base::Time max_pause,
                                        DrainTimes drain) {
  route::Gate gate;
  gate.state = route::Gate::State::Paused;
  gate.max_pause = max_pause;
  Result result = co_await close_gate(std::move(service), std::move(gate), drain);
  co_return result;
}

async::Task<Verbs::Result> Verbs::stop(std::string service, std::string message, DrainTimes drain) {
  route::Gate gate;
  gate.state = route::Gate::State::Stopped;
  gate.message = std::move(message);
  Result result = co_await close_gate(std::move(service), std::move(gate), drain);
  co_return result;
}

// The gate first, so that nothing new comes; then what is in flight ends. Its targets stay.
async::Task<Verbs::Result> Verbs::close_gate(std::string service, route::Gate gate,
                                             DrainTimes drain) {
  if (!services_.exists(service)) co_return services_.unknown(service);
  const bool paused = gate.state == route::Gate::State::Paused;
  Runtime next = services_.runtime();
  next.gates[service] = std::move(gate);
  if (auto changed = services_.change(std::move(next)); !changed)
    co_return std::unexpected(std::move(changed.error()));
  const std::uint64_t change = ++gate_changes_[service];
  tell("gate", service, paused ? "paused" : "stopped");
  const std::vector<Services::HealthPtr> targets = services_.targets_of(service);
  const Drained drained = co_await services_.drain(targets, drain);
  if (gate_changes_[service] == change) Services::undrain(targets);
  co_return drained;
}

std::expected<void, Refusal> Verbs::resume(const std::string& service) {
  if (!services_.exists(service)) return services_.unknown(service);
  Runtime next = services_.runtime();
  if (next.gates.erase(service) == 0) return {};
  ++gate_changes_[service];
  Services::undrain(services_.targets_of(service));
  if (auto changed = services_.change(std::move(next)); !changed) return changed;
  tell("gate", service, "running");
  return {};
}

std::expected<RuntimeService, Refusal> Verbs::rolling_out(const std::string& service) const {
  const auto& services = services_.runtime().services;
  const auto found = services.find(service);
  if (found == services.end()) return services_.unknown(service);
  if (found->second.rollout != RuntimeService::Targets{}) return found->second;
  return std::unexpected(
      Refusal{.status = 409,
              .detail = "\"" + service + "\" has no rollout targets",
              .hint = "engine rollout deploy " + service + " --target HOST:PORT"});
}

std::expected<void, Refusal> Verbs::set_rollout(
    const std::string& service, std::optional<double> percent,
    std::optional<std::vector<std::string>> allow_list) {
  if (auto found = rolling_out(service); !found) return std::unexpected(found.error());
  if (percent && !(*percent >= 0 && *percent <= 100)) {
    return std::unexpected(Refusal{
        .status = 400, .detail = "\"percent\" must be a number from 0 to 100", .field = "percent"});
  }
  Runtime next = services_.runtime();
  RolloutShare& share = next.rollouts[service];
  if (percent) share.percent = *percent;
  if (allow_list) share.allow_list = std::move(*allow_list);
  if (auto changed = services_.change(std::move(next)); !changed) return changed;
  tell("rollout", service, "share changed");
  return {};
}

std::expected<void, Refusal> Verbs::stop_rollout(const std::string& service) {
  if (auto found = rolling_out(service); !found) return std::unexpected(found.error());
  Runtime next = services_.runtime();
  next.rollouts.erase(service);
  if (auto changed = services_.change(std::move(next)); !changed) return changed;
  tell("rollout", service, "stopped");
  return {};
}

async::Task<Verbs::Result> Verbs::promote(std::string service, DrainTimes drain) {
  auto found = rolling_out(service);
  if (!found) co_return std::unexpected(std::move(found.error()));
  found->active = std::move(found->rollout);
  Result result = co_await end_rollout(std::move(service), std::move(*found), "promoted", drain);
  co_return result;
}

async::Task<Verbs::Result> Verbs::abort_rollout(std::string service, DrainTimes drain) {
  auto found = rolling_out(service);
  if (!found) co_return std::unexpected(std::move(found.error()));
  Result result = co_await end_rollout(std::move(service), std::move(*found), "aborted", drain);
  co_return result;
}

// Told once it is so: a change may be refused.
async::Task<Verbs::Result> Verbs::end_rollout(std::string service, RuntimeService without,
                                              std::string_view what, DrainTimes drain) {
  without.rollout = RuntimeService::Targets();
  Runtime next = services_.runtime();
  next.rollouts.erase(service);
  next.services[service] = std::move(without);
  Result result = co_await services_.change_and_drain(std::move(next), service, drain);
  if (result) tell("rollout", service, what);
  co_return result;
}

async::Task<Verbs::Result> Verbs::remove(std::string service, DrainTimes drain) {
  if (!services_.exists(service)) co_return services_.unknown(service);
  Runtime next = services_.runtime();
  if (!next.services.contains(service)) {
    const std::string origin = services_.origin_of(service);
    co_return std::unexpected(refusal(409, "\"" + service + "\" is written in " + origin,
                                      "take it out of the file", origin));
  }
  forget(next, service);
  Result result = co_await services_.change_and_drain(std::move(next), service, drain);
  if (result) tell("route", service, "removed");
  co_return result;
}

std::expected<void, Refusal> Verbs::add(const std::string& site, Json long_form, bool force) {
  const auto key = config::parse_site_key(site);
  if (!key) {
    return std::unexpected(Refusal{
        .status = 422, .detail = key.error().message, .hint = key.error().hint, .field = "site"});
  }
  const std::string owner = services_.owner_of(key->text);
  Runtime next = services_.runtime();
  if (!owner.empty() && owner != key->text) {
    const bool may_take = force && next.services.contains(owner);
    if (!may_take) {
      return std::unexpected(
          Refusal{.status = 409,
                  .detail = "the site \"" + key->text + "\" belongs to the service \"" + owner +
                            "\" (" + services_.origin_of(owner) + ")",
                  .hint = "choose another host or path, or pass --force for a runtime service",
                  .owner = owner});
    }
    RuntimeService& loser = next.services[owner];
    std::erase(loser.sites, key->text);
    if (loser.sites.empty()) forget(next, owner);
  } else if (!owner.empty() && !next.services.contains(owner)) {
    return std::unexpected(Refusal{
        .status = 409,
        .detail = "the site \"" + key->text + "\" is written in " + services_.origin_of(owner),
        .hint = "change it there",
        .owner = services_.origin_of(owner)});
  }
  next.services[key->text] = {.origin = "added",
                              .sites = {key->text},
                              .strip_prefix = false,
                              .options = std::move(long_form),
                              .active = {},
                              .rollout = {}};
  if (auto changed = services_.change(std::move(next)); !changed) return changed;
  tell("route", key->text, "added");
  return {};
}

std::expected<TargetWish, Refusal> Verbs::wish_of(const std::string& id) const {
  const std::vector<std::string> known = services_.target_ids();
  if (std::ranges::find(known, id) == known.end()) {
    return std::unexpected(
        Refusal{.status = 404, .detail = "there is no target \"" + id + "\"", .known = known});
  }
  const auto& wishes = services_.runtime().target_wishes;
  const auto found = wishes.find(id);
  return found == wishes.end() ? TargetWish{} : found->second;
}

std::expected<void, Refusal> Verbs::set_target(const std::string& id, TargetWish wish) {
  Runtime next = services_.runtime();
  const bool is_plain = wish == TargetWish{};
  if (is_plain)
    next.target_wishes.erase(id);
  else
    next.target_wishes[id] = wish;
  if (auto changed = services_.change(std::move(next)); !changed) return changed;
  const std::string what =
      !wish.enabled ? "disabled"
                    : (wish.weight ? "weight " + std::to_string(*wish.weight) : "enabled");
  tell("target", id, what);
  return {};
}

async::Task<Verbs::Result> Verbs::drain_target(std::string id, DrainTimes drain) {
  auto wish = wish_of(id);
  if (!wish) co_return std::unexpected(std::move(wish.error()));
  const std::string service = id.substr(0, id.find('@'));
  const std::vector<Services::HealthPtr> before = services_.targets_of(service);
  wish->enabled = false;
  if (auto changed = set_target(id, *wish); !changed)
    co_return std::unexpected(std::move(changed.error()));
  const Drained drained = co_await services_.drain(services_.leaving(service, before), drain);
  co_return drained;
}

}  // namespace engine::control
