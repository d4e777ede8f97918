// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/views.h"

#include <algorithm>
#include <map>

#include "config/units.h"

namespace engine::control {
namespace {

std::string_view name_of(config::Target::Pool pool) {
  switch (pool) {
    case config::Target::Pool::Writers: return "writers";
    case config::Target::Pool::Readers: return "readers";
    case config::Target::Pool::NewWriters: return "new-writers";
    case config::Target::Pool::NewReaders: return "new-readers";
  }
  return "";
}

std::string_view name_of(route::Gate::State state) {
  switch (state) {
    case route::Gate::State::Running: return "running";
    case route::Gate::State::Paused: return "paused";
    case route::Gate::State::Stopped: return "stopped";
  }
  return "";
}

double seconds(base::Time time) { return static_cast<double>(time) / base::kSecond; }

// Null while it is disabled.
const route::WeightedTarget* find(const route::Snapshot& snapshot, const std::string& service,
                                  const std::string& key) {
  for (const auto& each : snapshot.services) {
    if (each->name != service) continue;
    for (const route::WeightedTarget& target : each->targets) {
      if (target.target->key() == key) return &target;
    }
  }
  return nullptr;
}

std::string_view answer_of(const config::Target& target) {
  switch (target.kind) {
    case config::Target::Kind::Redirect: return "redirect";
    case config::Target::Kind::Status: return "status";
    default: return target.passthrough ? "pass" : "proxy";
  }
}

Json traffic_of(const route::Service& service) {
  route::SiteCounters sum;
  service.metrics->add_to(sum);
  std::uint64_t ended = 0;
  std::uint64_t failed = 0;
  for (const auto& by_protocol : sum.requests) {
    for (const auto& by_class : by_protocol) {
      for (const base::Counter& count : by_class) ended += count;
      failed += by_class.back();
    }
  }
  Json durations = Json::array();
  for (std::size_t i = 0; i <= route::Histogram::kBounds.size(); ++i)
    durations.push_back(sum.duration.count(i));
  std::uint64_t open = 0;
  for (const base::Counter& count : sum.streams_open) open += count;
  return {{"requests", ended},
          {"responses_5xx", failed},
          {"in_flight", sum.in_flight.get()},
          {"streams_open", open},
          {"bytes_in", sum.request_bytes.get()},
          {"bytes_out", sum.response_bytes.get()},
          {"durations", std::move(durations)}};
}

}  // namespace

std::string_view Views::gate_of(const std::string& service) const {
  const auto& gates = services_.runtime().gates;
  const auto found = gates.find(service);
  return name_of(found == gates.end() ? route::Gate::State::Running : found->second.state);
}

Json Views::target(const std::string& service, const config::Target& target) const {
  const std::string key = target.display();
  Json json = {{"id", service + "@" + key},    {"service", service},      {"target", key},
               {"pool", name_of(target.pool)}, {"weight", target.weight}, {"last_probe", nullptr}};
  const route::WeightedTarget* known = find(*state_.snapshot(), service, key);
  route::TargetHealth::Totals totals;
  if (known == nullptr) {
    json["state"] = "disabled";
  } else {
    totals = known->health->totals();
    json["weight"] = known->weight;
    json["state"] = !known->health->up()                            ? "down"
                    : known->health->ejected(base::monotonic_now()) ? "ejected"
                                                                    : "up";
    if (const Health::Last* last = health_.last(*known->health))
      json["last_probe"] = {{"at", last->at}, {"result", last->text}};
  }
  json["inflight"] = totals.inflight;
  json["tunnels"] = totals.tunnels;
  json["requests"] = totals.requests;
  json["failures"] = totals.failures;
  return json;
}

// Every site of a service has the same targets.
Json Views::targets_of(const std::string& service) const {
  Json list = Json::array();
  const auto& sites = state_.effective().sites;
  const auto site = std::ranges::find(sites, service, &config::Site::service);
  if (site == sites.end()) return list;
  for (const config::Target& each : site->targets) {
    if (each.is_upstream()) list.push_back(target(service, each));
  }
  return list;
}

Json Views::targets() const {
  Json list = Json::array();
  for (const std::string& service : services_.names()) {
    for (Json& each : targets_of(service)) list.push_back(std::move(each));
  }
  return {{"targets", std::move(list)}};
}

Json Views::route(const config::Site& site) const {
  Json names = Json::array();
  std::size_t up = 0;
  std::uint64_t requests = 0;
  std::size_t upstreams = 0;
  for (const config::Target& each : site.targets) {
    names.push_back(each.display());
    if (!each.is_upstream()) continue;
    ++upstreams;
    const Json view = target(site.service, each);
    if (view["state"] == "up") ++up;
    requests += view["requests"].get<std::uint64_t>();
  }
  const std::string_view gate = gate_of(site.service);
  const bool running = gate == name_of(route::Gate::State::Running);
  std::string state(gate);
  if (running) state = upstreams == 0 || up > 0 ? "up" : "down";
  return {{"site", site.key},
          {"service", site.service},
          {"targets", std::move(names)},
          {"answer", site.targets.empty() ? "proxy" : answer_of(site.targets.front())},
          {"state", std::move(state)},
          {"up", up},
          {"origin", site.origin()},
          {"requests", requests}};
}

Json Views::routes() const {
  std::vector<const config::Site*> sites;
  for (const config::Site& site : state_.effective().sites) sites.push_back(&site);
  std::ranges::sort(sites, {}, &config::Site::key);
  std::map<std::string_view, const route::Service*> services;
  for (const auto& each : state_.snapshot()->services) services.emplace(each->site, each.get());
  Json list = Json::array();
  for (const config::Site* site : sites) {
    Json one = route(*site);
    if (const auto service = services.find(site->key); service != services.end())
      one["traffic"] = traffic_of(*service->second);
    list.push_back(std::move(one));
  }
  Json bounds = Json::array();
  for (const base::Time bound : route::Histogram::kBounds) bounds.push_back(seconds(bound));
  return {{"routes", std::move(list)},
          {"at_seconds", seconds(base::monotonic_now())},
          {"duration_bounds", std::move(bounds)}};
}

Json Views::services() const {
  Json list = Json::array();
  for (const std::string& name : services_.names()) list.push_back(service(name));
  return {{"services", std::move(list)}};
}

Json Views::service(const std::string& name) const {
  const Runtime& runtime = services_.runtime();
  Json sites = Json::array();
  for (const config::Site& site : state_.effective().sites) {
    if (site.service == name) sites.push_back(site.key);
  }
  Json json = {{"name", name},
               {"origin", services_.origin_of(name)},
               {"sites", std::move(sites)},
               {"state", gate_of(name)},
               {"message", ""},
               {"options", Json::object()},
               {"rollout", nullptr},
               {"targets", targets_of(name)}};
  if (const auto gate = runtime.gates.find(name); gate != runtime.gates.end()) {
    json["message"] = gate->second.message;
    json["max_pause"] =
        config::format_duration(config::Milliseconds(gate->second.max_pause / base::kMillisecond));
  }
  if (const auto deployed = runtime.services.find(name); deployed != runtime.services.end())
    json["options"] = deployed->second.options;
  if (const auto share = runtime.rollouts.find(name); share != runtime.rollouts.end())
    json["rollout"] = {{"percent", share->second.percent},
                       {"list", share->second.allow_list},
                       {"cookie", kRolloutCookie}};
  return json;
}

Json Views::target_counts() const {
  std::size_t total = 0;
  std::size_t up = 0;
  const Json view = targets();
  for (const Json& each : view["targets"]) {
    ++total;
    if (each["state"] == "up") ++up;
  }
  return {{"total", total}, {"up", up}, {"down", total - up}};
}

Json Views::service_counts() const {
  std::size_t running = 0;
  std::size_t paused = 0;
  std::size_t stopped = 0;
  for (const std::string& name : services_.names()) {
    const std::string_view gate = gate_of(name);
    ++(gate == "running" ? running : gate == "paused" ? paused : stopped);
  }
  return {{"total", running + paused + stopped},
          {"running", running},
          {"paused", paused},
          {"stopped", stopped}};
}

}  // namespace engine::control
