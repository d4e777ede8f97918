// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/services.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "engine/async/await.h"
#include "engine/base/log.h"

namespace engine::control {
namespace {

namespace log = base::log;

// Streams end by events of the workers' threads, which do not wake this one for each.
constexpr base::Time kLook = 20 * base::kMillisecond;
// What the workers may need to cut what is left.
constexpr base::Time kCutting = base::kSecond;

struct Streams {
  std::uint64_t open = 0;
  std::uint64_t cut = 0;  // by a drain, ever
};

Streams streams_of(const std::vector<Services::HealthPtr>& targets) {
  Streams sum;
  for (const auto& target : targets) {
    const route::TargetHealth::Totals totals = target->totals();
    sum.open += totals.inflight;
    sum.cut += totals.results[static_cast<std::size_t>(base::Cause::Drained)];
  }
  return sum;
}

using Problems = std::vector<config::Diagnostic>;  // not empty

std::string first_of(const Problems& problems) {
  return problems.front().where.file + ": " + problems.front().message;
}

Refusal invalid(Problems problems) {
  return {.status = 422,
          .detail = first_of(problems),
          .hint = problems.front().hint,
          .diagnostics = std::move(problems)};
}

std::expected<std::vector<config::Site>, Problems> sites_of_all(
    const Runtime& runtime, const config::SiteDefaults& defaults) {
  std::vector<config::Site> all;
  for (const auto& [name, service] : runtime.services) {
    auto sites = sites_of(name, service, defaults);
    if (!sites) return std::unexpected(std::move(sites.error()));
    std::ranges::move(*sites, std::back_inserter(all));
  }
  return all;
}

std::uint32_t split_point_of(double percent) {
  return static_cast<std::uint32_t>(percent / 100 * std::numeric_limits<std::uint32_t>::max());
}

std::string target_id(const std::string& service, const route::Target& target) {
  return service + "@" + target.key();
}

}  // namespace

std::expected<void, Failure> Services::restore() {
  auto loaded = file_.load();
  if (!loaded) {
    return std::unexpected(Failure{.message = "the state cannot be read: " + loaded.error(),
                                   .fix =
                                       "make it readable for the engine's user, or choose another "
                                       "place with ENGINE_STATE_DIR"});
  }
  if (!loaded->problem.empty()) log::error("state", {{"problem", loaded->problem}});
  runtime_ = std::move(loaded->runtime);
  if (const auto sites = sites_of_all(runtime_, {}); !sites) {
    return std::unexpected(
        Failure{.message = file_.path() + ": " + first_of(sites.error()),
                .fix = "mend it, or move it away to start without deployed services"});
  }
  std::vector<config::Diagnostic> none;
  return state_.overlay(overlay_of(runtime_), none);
}

bool Services::exists(const std::string& service) const { return !origin_of(service).empty(); }

std::vector<std::string> Services::names() const {
  std::set<std::string> names;
  for (const config::Site& site : state_.effective().sites) names.insert(site.service);
  return {names.begin(), names.end()};
}

std::string Services::owner_of(const std::string& site) const {
  const auto& sites = state_.effective().sites;
  const auto found = std::ranges::find(sites, site, &config::Site::key);
  return found == sites.end() ? std::string() : found->service;
}

std::string Services::origin_of(const std::string& service) const {
  const auto& sites = state_.effective().sites;
  const auto found = std::ranges::find(sites, service, &config::Site::service);
  return found == sites.end() ? std::string() : found->origin();
}

std::vector<std::string> Services::target_ids() const {
  std::set<std::string> ids;
  for (const config::Site& site : state_.effective().sites) {
    for (const config::Target& target : site.targets) {
      if (target.is_upstream()) ids.insert(site.service + "@" + target.display());
    }
  }
  return {ids.begin(), ids.end()};
}

std::vector<Services::HealthPtr> Services::targets_of(const std::string& service) const {
  std::vector<HealthPtr> targets;
  for (const auto& each : state_.snapshot()->services) {
    if (each->name != service) continue;
    for (const route::WeightedTarget& target : each->targets) {
      if (std::ranges::find(targets, target.health) == targets.end())
        targets.push_back(target.health);
    }
  }
  return targets;
}

std::vector<Services::HealthPtr> Services::leaving(const std::string& service,
                                                   const std::vector<HealthPtr>& before) const {
  const std::vector<HealthPtr> now = targets_of(service);
  std::vector<HealthPtr> gone;
  std::ranges::copy_if(before, std::back_inserter(gone), [&](const HealthPtr& target) {
    return std::ranges::find(now, target) == now.end();
  });
  return gone;
}

std::unexpected<Refusal> Services::unknown(const std::string& service) const {
  return std::unexpected(Refusal{.status = 404,
                                 .detail = "there is no service \"" + service + "\"",
                                 .field = "service",
                                 .known = names()});
}

State::Overlay Services::overlay_of(const Runtime& runtime) const {
  State::Overlay overlay;
  overlay.sites = [runtime](const config::SiteDefaults& defaults) -> State::Overlay::Sites {
    auto sites = sites_of_all(runtime, defaults);
    if (sites) return std::move(*sites);
    return std::unexpected(
        Failure{.message = "the service " + first_of(sites.error()),
                .fix = "it does not go together with [defaults]: change one of the two",
                .exit_code = kExitConfiguration});
  };
  overlay.amend = [this](route::Service& service) { amend(service); };
  return overlay;
}

void Services::amend(route::Service& service) const {
  if (const auto gate = runtime_.gates.find(service.name); gate != runtime_.gates.end())
    service.gate = gate->second;
  service.rollout.cookie = kRolloutCookie;
  if (const auto share = runtime_.rollouts.find(service.name); share != runtime_.rollouts.end()) {
    service.rolls_out = true;
    service.rollout.split_point = split_point_of(share->second.percent);
    service.rollout.allow_list = share->second.allow_list;
    std::ranges::sort(service.rollout.allow_list);
  }
  if (service.name == unproven_.service) {
    for (route::WeightedTarget& target : service.targets) {
      if (std::ranges::find(unproven_.known, target.health) == unproven_.known.end())
        target.health->set_up(false);
    }
  }
  std::erase_if(service.targets, [&](route::WeightedTarget& target) {
    const auto wish = runtime_.target_wishes.find(target_id(service.name, *target.target));
    if (wish == runtime_.target_wishes.end()) return false;
    if (wish->second.weight) target.weight = *wish->second.weight;
    return !wish->second.enabled || target.weight == 0;
  });
}

std::expected<void, Refusal> Services::change(Runtime next, const std::string& unproven) {
  if (auto sites = sites_of_all(next, state_.config().defaults); !sites)
    return std::unexpected(invalid(std::move(sites.error())));
  Runtime before = std::exchange(runtime_, std::move(next));
  unproven_ = {unproven, targets_of(unproven)};
  std::vector<config::Diagnostic> warnings;
  const auto adopted = state_.overlay(overlay_of(runtime_), warnings);
  unproven_ = {};
  if (!adopted) {
    runtime_ = std::move(before);
    return std::unexpected(
        Refusal{.status = 409, .detail = adopted.error().message, .hint = adopted.error().fix});
  }
  const auto saved = file_.save(runtime_);
  if (saved) return {};
  // What would be forgotten at the next start is not in force either.
  runtime_ = std::move(before);
  if (!state_.overlay(overlay_of(runtime_), warnings))
    log::error("the state before a change that could not be kept does not come back");
  return std::unexpected(Refusal{.status = 507,
                                 .detail = "the change cannot be kept: " + saved.error(),
                                 .hint = "nothing was changed; make room in the state directory"});
}

async::Task<std::expected<Drained, Refusal>> Services::change_and_drain(Runtime next,
                                                                        std::string service,
                                                                        DrainTimes times) {
  const std::vector<HealthPtr> before = targets_of(service);
  if (auto changed = change(std::move(next)); !changed)
    co_return std::unexpected(std::move(changed.error()));
  const Drained drained = co_await drain(leaving(service, before), times);
  co_return drained;
}

async::Task<Drained> Services::drain(std::vector<HealthPtr> targets, DrainTimes times) {
  const base::Time start = scope_.now();
  const std::uint64_t cut_before = streams_of(targets).cut;
  for (const HealthPtr& target : targets)
    target->end_streams(start + times.requests, start + times.tunnels);
  if (!targets.empty()) state_.nudge();
  const base::Time last = start + std::max(times.requests, times.tunnels) + kCutting;
  while (streams_of(targets).open > 0 && scope_.now() < last) {
    const int slept = co_await async::Sleep(scope_, kLook);
    if (slept != 0) break;
  }
  const Streams now = streams_of(targets);
  Drained drained;
  drained.cut = now.cut - cut_before + now.open;
  co_return drained;
}

void Services::undrain(const std::vector<HealthPtr>& targets) {
  for (const HealthPtr& target : targets) target->end_streams(base::kNever, base::kNever);
}

}  // namespace engine::control
