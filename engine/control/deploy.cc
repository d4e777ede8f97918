// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/deploy.h"

#include <algorithm>

#include "config/text.h"
#include "config/units.h"
#include "engine/base/log.h"
#include "engine/control/probe.h"
#include "engine/control/service_of.h"

namespace engine::control {
namespace {

namespace log = base::log;

constexpr int kExitFailed = 1;
constexpr int kExitConflict = 7;
constexpr int kExitTimeout = 9;

constexpr base::Time kResolveLook = 50 * base::kMillisecond;

double seconds(base::Time time) { return static_cast<double>(time / base::kMillisecond) / 1000; }

std::vector<std::string> written(const RuntimeService::Targets& targets) {
  std::vector<std::string> all = targets.writers;
  all.insert(all.end(), targets.readers.begin(), targets.readers.end());
  return all;
}

// Braces of JSON belong into no coroutine: see refusal.h.
Json probe_details(const std::string& target, const std::string& request, const ProbeAnswer& answer,
                   double so_far, std::uint64_t attempt) {
  Json details = {{"target", target}, {"request", request}, {"result", answer.text},
                  {"ok", answer.ok},  {"seconds", so_far},  {"attempt", attempt}};
  if (!answer.hint.empty()) details["hint"] = answer.hint;
  return details;
}

Json healthy_details(const std::string& target, double so_far) {
  return {{"target", target}, {"seconds", so_far}};
}

Json addresses_details(const std::string& target, const route::Addresses& addresses) {
  if (addresses.list.empty()) return {{"target", target}, {"failure", addresses.failure}};
  Json texts = Json::array();
  for (const route::Address& address : addresses.list) texts.push_back(address.text());
  return {{"target", target}, {"addresses", std::move(texts)}};
}

Json swapped_details(const std::vector<std::string>& sites, const RuntimeService::Targets& from,
                     const RuntimeService::Targets& to,
                     const std::vector<Services::HealthPtr>& leaving) {
  std::uint64_t inflight = 0;
  std::uint64_t tunnels = 0;
  for (const auto& health : leaving) {
    inflight += health->totals().inflight;
    tunnels += health->totals().tunnels;
  }
  return {{"sites", sites},
          {"from", written(from)},
          {"to", written(to)},
          {"inflight", inflight},
          {"tunnels", tunnels}};
}

Json drained_details(const Drained& drained, base::Time took) {
  return {{"cut", drained.cut}, {"seconds", seconds(took)}};
}

Json done_details(const std::string& service, std::uint64_t generation, base::Time took) {
  return {{"service", service}, {"generation", generation}, {"seconds", seconds(took)}};
}

void log_deployed(const std::string& service, std::uint64_t generation) {
  log::info("deployed", {{"service", service}, {"generation", std::to_string(generation)}});
}

}  // namespace

std::string_view name_of(Deploy::State state) {
  switch (state) {
    case Deploy::State::Probing: return "probing";
    case Deploy::State::Draining: return "draining";
    case Deploy::State::Done: return "done";
    case Deploy::State::Failed: return "failed";
    case Deploy::State::Aborted: return "aborted";
  }
  return "";
}

void Deploy::add(std::string name, Json details) {
  events_.push_back({std::move(name), std::move(details)});
  changed_.notify();
}

void Deploy::set_state(State state) {
  ENSURE(!over(), "a deploy goes on after its end");
  state_ = state;
}

Json Deploy::to_json() const {
  return {{"id", id_},
          {"service", request_.service},
          {"state", name_of(state_)},
          {"targets", written(request_.targets)},
          {"rollout", request_.rollout},
          {"started", started_at_},
          {"cause", cause_}};
}

std::expected<Deploys::DeployPtr, Refusal> Deploys::start(DeployRequest request) {
  for (const auto& [number, deploy] : deploys_) {
    if (deploy->over() || deploy->request_.service != request.service) continue;
    return std::unexpected(
        Refusal{.status = 409,
                .detail = "deploy " + deploy->id_ + " of \"" + request.service + "\" is under way",
                .hint = "wait for its end, or abort it",
                .owner = "deploy " + deploy->id_});
  }
  const auto next = plan(request);
  if (!next) return std::unexpected(next.error());
  auto candidates = candidates_of(request, *next);
  if (!candidates) return std::unexpected(candidates.error());
  auto deploy = std::make_shared<Deploy>(std::to_string(++count_), std::move(request));
  deploy->started_ = scope_.now();
  deploy->started_at_ = log::format_time(base::wall_now());
  deploys_.emplace(count_, deploy);
  const auto is_over = [](const auto& entry) { return entry.second->over(); };
  while (std::ranges::count_if(deploys_, is_over) > static_cast<std::ptrdiff_t>(kKept))
    deploys_.erase(std::ranges::find_if(deploys_, is_over));
  look_up(deploy->id_, *candidates);
  scope_.spawn(run(deploy, std::move(*candidates)));
  return deploy;
}

Deploys::DeployPtr Deploys::find(const std::string& id) const {
  const auto number = config::parse_number<std::uint64_t>(id);
  const auto found = number ? deploys_.find(*number) : deploys_.end();
  return found == deploys_.end() ? nullptr : found->second;
}

std::vector<Deploys::DeployPtr> Deploys::list() const {
  std::vector<DeployPtr> list;
  for (const auto& [number, deploy] : deploys_) list.push_back(deploy);
  return list;
}

std::expected<void, Refusal> Deploys::abort(const std::string& id) {
  const DeployPtr deploy = find(id);
  if (deploy == nullptr)
    return std::unexpected(Refusal{.status = 404, .detail = "there is no deploy " + id});
  if (deploy->state_ != Deploy::State::Probing)
    return std::unexpected(
        Refusal{.status = 409, .detail = "the new targets have requests already"});
  deploy->abort_asked_ = true;
  deploy->changed_.notify();
  return {};
}

// The runtime layer as this deploy leaves it, made from what is in force now.
std::expected<Runtime, Refusal> Deploys::plan(const DeployRequest& request) const {
  Runtime next = services_.runtime();
  const std::string origin = services_.origin_of(request.service);
  const auto known = next.services.find(request.service);
  if (known == next.services.end() && !origin.empty()) {
    return std::unexpected(
        Refusal{.status = 409,
                .detail = "\"" + request.service + "\" is a site of " + origin +
                          ", which a deploy does not change",
                .hint = "deploy under another name, or take the site out of the file",
                .owner = origin});
  }
  if (request.rollout && known == next.services.end()) return services_.unknown(request.service);
  RuntimeService& service = next.services[request.service];
  service.origin = "deploy";
  if (request.sites) service.sites = *request.sites;
  if (service.sites.empty()) service.sites = {"*"};
  if (request.options) service.options = *request.options;
  if (request.strip_prefix) service.strip_prefix = *request.strip_prefix;
  (request.rollout ? service.rollout : service.active) = request.targets;
  for (const std::string& site : service.sites) {
    const std::string owner = services_.owner_of(site);
    if (owner.empty() || owner == request.service) continue;
    return std::unexpected(
        Refusal{.status = 409,
                .detail = "the site \"" + site + "\" belongs to the service \"" + owner + "\" (" +
                          services_.origin_of(owner) + ")",
                .hint = "choose another host or path, or remove that service first",
                .field = "sites",
                .owner = owner});
  }
  return next;
}

std::expected<std::vector<Deploys::Candidate>, Refusal> Deploys::candidates_of(
    const DeployRequest& request, const Runtime& next) const {
  auto sites =
      sites_of(request.service, next.services.at(request.service), state_.config().defaults);
  if (!sites) {
    const config::Diagnostic& first = sites.error().front();
    return std::unexpected(Refusal{
        .status = 422, .detail = first.message, .hint = first.hint, .diagnostics = sites.error()});
  }
  // Every site of a service has the same targets.
  const config::Site& site = sites->front();
  if (site.targets.empty()) {
    return std::unexpected(
        Refusal{.status = 422, .detail = "a deploy needs a target", .field = "targets"});
  }
  config::Config with_it = state_.effective();
  with_it.sites.insert(with_it.sites.end(), sites->begin(), sites->end());
  if (const auto loaded = target_tls_.load(with_it); !loaded) {
    return std::unexpected(
        Refusal{.status = 422, .detail = loaded.error().message, .hint = loaded.error().fix});
  }
  std::vector<Candidate> candidates;
  using Pool = config::Target::Pool;
  for (const config::Target& target : site.targets) {
    const bool is_new = target.pool == Pool::NewWriters || target.pool == Pool::NewReaders;
    if (is_new != request.rollout || !target.is_upstream()) continue;
    candidates.push_back(
        {target_of(target, target.tls ? target_tls_.of(site.upstream_tls) : nullptr),
         site.policy.health});
  }
  return candidates;
}

void Deploys::look_up(const std::string& id, const std::vector<Candidate>& candidates) {
  for (const Candidate& candidate : candidates) looked_up_[id].push_back(candidate.target);
  std::vector<std::shared_ptr<const route::Target>> all;
  for (const auto& [deploy, targets] : looked_up_)
    all.insert(all.end(), targets.begin(), targets.end());
  state_.set_candidates(std::move(all));
}

void Deploys::forget(const std::string& id) {
  looked_up_.erase(id);
  look_up(id, {});
  looked_up_.erase(id);
}

async::Task<void> Deploys::run(DeployPtr deploy, std::vector<Candidate> candidates) {
  events_.add("deploy", deploy->to_json());
  const bool proven = deploy->request_.force || co_await prove_all(deploy, std::move(candidates));
  if (scope_.cancelled()) co_return;
  if (deploy->abort_asked_) {
    deploy->set_state(Deploy::State::Aborted);
    deploy->add("aborted", Json::object());
  } else if (proven) {
    co_await swap(deploy);
  } else {
    fail(*deploy, deploy->unanswered_ ? kExitTimeout : kExitFailed, deploy->unproven_cause_,
         deploy->unproven_hint_);
  }
  if (scope_.cancelled()) co_return;
  forget(deploy->id_);
  note_end(*deploy);
  events_.add("deploy", deploy->to_json());
}

void Deploys::note_end(const Deploy& deploy) {
  const std::string result(name_of(deploy.state_));
  auto at = std::ranges::find_if(figures_, [&](const DeployFigures& each) {
    return each.service == deploy.request_.service && each.result == result;
  });
  if (at == figures_.end())
    at = figures_.insert(figures_.end(), {.service = deploy.request_.service, .result = result});
  ++at->count;
  at->seconds += seconds(scope_.now() - deploy.started_);
}

async::Task<bool> Deploys::prove_all(DeployPtr deploy, std::vector<Candidate> candidates) {
  const base::Time deadline = deploy->started_ + deploy->request_.timeout;
  const std::size_t count = candidates.size();
  for (Candidate& candidate : candidates)
    scope_.spawn(prove(deploy, std::move(candidate), deadline));
  while (deploy->proven_ < count) {
    if (deploy->abort_asked_ || scope_.now() >= deadline) co_return false;
    const int waited = co_await deploy->changed_.wait(scope_, deadline - scope_.now());
    if (waited == -ECANCELED) co_return false;
  }
  co_return true;
}

async::Task<void> Deploys::prove(DeployPtr deploy, Candidate candidate, base::Time deadline) {
  const std::string target = candidate.target->key();
  const bool resolved = co_await resolve(deploy, candidate, deadline);
  if (!resolved) co_return;
  bool as_https = false;
  for (std::uint64_t attempt = 1;; ++attempt) {
    const ProbeAnswer answer = co_await probe(
        scope_, candidate.target, addresses_of(*candidate.target), candidate.health, as_https);
    if (scope_.cancelled() || deploy->state_ != Deploy::State::Probing) co_return;
    const double so_far = seconds(scope_.now() - deploy->started_);
    if (!answer.ok) {
      deploy->unproven_cause_ = target + ": " + answer.text;
      deploy->unproven_hint_ = answer.hint;
      deploy->unanswered_ = answer.timed_out;
    }
    deploy->add("probe", probe_details(target, probe_text(*candidate.target, candidate.health),
                                       answer, so_far, attempt));
    if (answer.ok) {
      ++deploy->proven_;
      deploy->add("healthy", healthy_details(target, so_far));
      co_return;
    }
    const bool again_at_once = answer.wants_https && !std::exchange(as_https, answer.wants_https);
    const base::Time pause =
        again_at_once ? 0 : candidate.health.every.count() * base::kMillisecond;
    if (scope_.now() + pause >= deadline) co_return;
    const int slept = co_await async::Sleep(scope_, pause);
    if (slept != 0 || deploy->state_ != Deploy::State::Probing) co_return;
  }
}

std::shared_ptr<const route::Addresses> Deploys::addresses_of(const route::Target& target) {
  if (target.needs_dns()) return resolver_.addresses_of(target);
  return std::make_shared<const route::Addresses>(target.fixed_addresses());
}

// A name gets its first addresses. False when it has none in time.
async::Task<bool> Deploys::resolve(DeployPtr deploy, Candidate candidate, base::Time deadline) {
  if (!candidate.target->needs_dns()) co_return true;
  const std::string target = candidate.target->key();
  std::string told;
  for (;;) {
    const auto addresses = addresses_of(*candidate.target);
    if (!addresses->list.empty()) {
      deploy->add("resolve", addresses_details(target, *addresses));
      co_return true;
    }
    if (addresses->failure != told && !addresses->failure.ends_with("not resolved yet")) {
      told = addresses->failure;
      deploy->add("resolve", addresses_details(target, *addresses));
    }
    deploy->unproven_cause_ = addresses->failure;
    if (scope_.now() >= deadline) co_return false;
    const int slept = co_await async::Sleep(scope_, kResolveLook);
    if (slept != 0 || deploy->state_ != Deploy::State::Probing) co_return false;
  }
}

// From what is in force now: much may have changed while the targets proved themselves.
async::Task<void> Deploys::swap(DeployPtr deploy) {
  const DeployRequest& request = deploy->request_;
  auto next = plan(request);
  if (!next) {
    fail(*deploy, kExitConflict, next.error().detail, next.error().hint);
    co_return;
  }
  const RuntimeService::Targets from = targets_in_force(request);
  const std::vector<Services::HealthPtr> before = services_.targets_of(request.service);
  if (auto changed = services_.change(std::move(*next), request.force ? request.service : "");
      !changed) {
    fail(*deploy, kExitFailed, changed.error().detail, changed.error().hint);
    co_return;
  }
  std::vector<Services::HealthPtr> leaving = services_.leaving(request.service, before);
  deploy->set_state(Deploy::State::Draining);
  deploy->add("swapped", swapped_details(services_.runtime().services.at(request.service).sites,
                                         from, request.targets, leaving));
  const base::Time start = scope_.now();
  const Drained drained = co_await services_.drain(std::move(leaving), request.drain);
  if (scope_.cancelled()) co_return;
  deploy->add("drained", drained_details(drained, scope_.now() - start));
  deploy->set_state(Deploy::State::Done);
  deploy->add("done",
              done_details(request.service, state_.generation(), scope_.now() - deploy->started_));
  log_deployed(request.service, state_.generation());
}

RuntimeService::Targets Deploys::targets_in_force(const DeployRequest& request) const {
  const auto& services = services_.runtime().services;
  const auto found = services.find(request.service);
  if (found == services.end()) return {};
  return request.rollout ? found->second.rollout : found->second.active;
}

void Deploys::fail(Deploy& deploy, int exit_code, std::string cause, std::string hint) {
  if (cause.empty())
    cause =
        "no answer within " +
        config::format_duration(config::Milliseconds(deploy.request_.timeout / base::kMillisecond));
  deploy.set_state(Deploy::State::Failed);
  deploy.cause_ = cause;
  log::error("deploy failed", {{"service", deploy.request_.service}, {"cause", cause}});
  Json details = {{"exit", exit_code}, {"cause", std::move(cause)}};
  if (!hint.empty()) details["hint"] = std::move(hint);
  deploy.add("failed", std::move(details));
}

}  // namespace engine::control
