// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/apply.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "engine/base/check.h"
#include "engine/control/service_of.h"

namespace engine::control {
namespace {

using ServicePtr = std::shared_ptr<const route::Service>;
using TargetPtr = std::shared_ptr<const route::Target>;

// The targets of a snapshot under construction. A target keeps its index as long as it is known: a
// service of an older snapshot, which a long stream still holds, must find the same target at its
// index. So a target that went away stays where it was, unreachable for new requests, until too
// many of them have gathered.
class TargetSlots {
 public:
  TargetSlots(route::Snapshot& next, const route::Snapshot* previous, const config::Config& config)
      : next_(next) {
    if (previous == nullptr || too_many_unused(*previous, config)) return;
    next_.targets = previous->targets;
    for (std::uint32_t i = 0; i < next_.targets.size(); ++i)
      by_identity_.emplace(next_.targets[i]->identity(), i);
  }

  std::uint32_t use(TargetPtr target) {
    const auto [at, is_new] = by_identity_.try_emplace(
        target->identity(), static_cast<std::uint32_t>(next_.targets.size()));
    if (is_new) next_.targets.push_back(std::move(target));
    next_.target_index_of.emplace(next_.targets[at->second].get(), at->second);
    return at->second;
  }

 private:
  static bool too_many_unused(const route::Snapshot& previous, const config::Config& config) {
    constexpr std::size_t kUnusedMax = 1024;
    std::size_t wanted = 0;
    for (const config::Site& site : config.sites) wanted += site.targets.size();
    return previous.targets.size() > 2 * wanted + kUnusedMax;
  }

  route::Snapshot& next_;
  std::unordered_map<std::string, std::uint32_t> by_identity_;
};

void add_targets(const config::Site& site, const Apply::TlsOf& tls_of, TargetSlots& slots,
                 const route::Snapshot& next, route::Service& service) {
  for (const config::Target& target : site.targets) {
    if (!target.is_upstream() || target.weight == 0) continue;
    const std::uint32_t index =
        slots.use(target_of(target, target.tls ? tls_of(site.upstream_tls) : nullptr));
    service.targets.push_back({.target = next.targets[index],
                               .target_index = index,
                               .weight = target.weight,
                               .pool = pool_of(target.pool)});
  }
}

// Service::same_as leaves the indices to us.
bool same_indices(const route::Service& left, const route::Service& right) {
  return std::ranges::equal(left.targets, right.targets, {}, &route::WeightedTarget::target_index,
                            &route::WeightedTarget::target_index);
}

using ServicesBySite = std::unordered_map<std::string_view, ServicePtr>;

ServicesBySite services_by_site(const route::Snapshot* previous) {
  ServicesBySite map;
  if (previous == nullptr) return map;
  map.reserve(previous->services.size());
  for (const ServicePtr& service : previous->services) map.emplace(service->site, service);
  return map;
}

// What is known of a target stays known as long as its service has it, and is the same for all of
// the service's sites.
class HealthRecords {
 public:
  HealthRecords(const route::Snapshot* previous, std::size_t worker_count)
      : worker_count_(worker_count) {
    if (previous == nullptr) return;
    for (const ServicePtr& service : previous->services) {
      for (const route::WeightedTarget& target : service->targets)
        records_.emplace(target.target.get(), Record{service->name, target.health});
    }
  }

  void give_to(route::Service& service) {
    for (route::WeightedTarget& target : service.targets)
      target.health = record_of(service.name, target.target.get());
  }

 private:
  struct Record {
    std::string service;
    std::shared_ptr<route::TargetHealth> health;
  };

  std::shared_ptr<route::TargetHealth> record_of(const std::string& service,
                                                 const route::Target* target) {
    const auto [first, last] = records_.equal_range(target);
    const auto known = std::find_if(
        first, last, [&](const auto& entry) { return entry.second.service == service; });
    if (known != last) return known->second.health;
    auto made = std::make_shared<route::TargetHealth>(worker_count_);
    records_.emplace(target, Record{service, made});
    return made;
  }

  std::unordered_multimap<const route::Target*, Record> records_;
  std::size_t worker_count_;
};

ServicePtr keep_or_make(route::Service service, const ServicesBySite& before,
                        std::size_t worker_count) {
  const auto found = before.find(service.site);
  if (found != before.end()) {
    const route::Service& old = *found->second;
    if (old.same_as(service) && same_indices(old, service)) return found->second;
    service.inflight = old.inflight;  // the same site: its requests still count
    service.metrics = old.metrics;
    if (old.rate == service.rate) service.rate_limit = old.rate_limit;
  } else {
    service.metrics = std::make_shared<route::SiteMetrics>(worker_count);
  }
  if (service.rate.interval > 0 && service.rate_limit == nullptr)
    service.rate_limit = std::make_shared<route::RateLimit>(service.rate);
  return std::make_shared<const route::Service>(std::move(service));
}

bool same_site(const route::Site& left, const route::Site& right) {
  return left.host == right.host && left.prefix == right.prefix &&
         left.service_index == right.service_index;
}

std::shared_ptr<const route::Table> build_table(const config::Config& config,
                                                const route::Snapshot* previous) {
  std::vector<route::Site> sites;
  sites.reserve(config.sites.size());
  for (const config::Site& site : config.sites) {
    sites.push_back({.host = site.host,
                     .prefix = site.prefix.empty() ? "/" : site.prefix,
                     .service_index = static_cast<std::uint32_t>(sites.size())});
  }
  if (previous != nullptr && std::ranges::equal(previous->table->sites(), sites, same_site))
    return previous->table;
  return std::make_shared<const route::Table>(std::move(sites));
}

std::shared_ptr<const route::TrustList> build_trust(const config::Config& config,
                                                    const route::Snapshot* previous) {
  route::TrustList trust;
  for (const config::Network& network : config.trusted_proxies) {
    ENSURE(trust.add(network.text()), "the configuration let a range pass that is none");
  }
  if (previous != nullptr && *previous->trust == trust) return previous->trust;
  return std::make_shared<const route::TrustList>(std::move(trust));
}

}  // namespace

void Apply::build_services(const config::Config& config, const route::Snapshot* previous,
                           route::Snapshot& next,
                           std::vector<config::Diagnostic>& diagnostics) const {
  const ServicesBySite before = services_by_site(previous);
  HealthRecords health(previous, sources_.worker_count);
  TargetSlots slots(next, previous, config);
  ErrorPages pages(diagnostics);
  next.services.reserve(config.sites.size());
  for (const config::Site& site : config.sites) {
    route::Service service = service_of(site, pages);
    if (!site.tls.client_ca.empty()) service.client_ca = sources_.client_ca_of(site);
    add_targets(site, sources_.tls_of, slots, next, service);
    health.give_to(service);
    if (sources_.amend) sources_.amend(service);
    next.services.push_back(keep_or_make(std::move(service), before, sources_.worker_count));
    next.service_index_of.emplace(next.services.back().get(),
                                  static_cast<std::uint32_t>(next.services.size() - 1));
  }
}

std::unique_ptr<route::Snapshot> Apply::build(
    const config::Config& config, const route::Snapshot* previous,
    std::vector<std::shared_ptr<const route::Listen>> listens, const Prepare& prepare,
    std::vector<config::Diagnostic>& diagnostics) const {
  auto next = std::make_unique<route::Snapshot>();
  next->listens = std::move(listens);
  next->table = build_table(config, previous);
  next->trust = build_trust(config, previous);
  next->proxy_protocol = proxy_protocol_of(config.proxy_protocol);
  next->limits = std::make_shared<const route::Limits>(limits_of(config.engine));
  next->redacted = config.log.redact;
  if (previous != nullptr) next->requests = previous->requests;
  build_services(config, previous, *next, diagnostics);
  if (prepare) prepare(targets_in_use(*next));

  next->addresses.reserve(next->targets.size());
  for (std::uint32_t i = 0; i < next->targets.size(); ++i) {
    const TargetPtr& target = next->targets[i];
    const bool is_known =
        previous != nullptr && i < previous->targets.size() && previous->targets[i] == target;
    const bool is_used = next->target_index_of.contains(target.get());
    next->connections.push_back(
        is_known ? previous->connections[i]
                 : std::make_shared<route::TargetConnections>(sources_.worker_count));
    if (is_used && target->needs_dns())
      next->addresses.push_back(sources_.addresses_of(*target));
    else if (is_known)
      next->addresses.push_back(previous->addresses[i]);
    else
      next->addresses.push_back(
          std::make_shared<const route::Addresses>(target->fixed_addresses()));
  }
  return next;
}

std::unique_ptr<route::Snapshot> Apply::refresh(const route::Snapshot& previous) const {
  auto next = std::make_unique<route::Snapshot>(previous);
  for (const auto& [target, index] : next->target_index_of) {
    if (target->needs_dns()) next->addresses[index] = sources_.addresses_of(*target);
  }
  if (next->addresses == previous.addresses) return nullptr;
  return next;
}

std::vector<TargetPtr> targets_in_use(const route::Snapshot& snapshot) {
  std::vector<TargetPtr> targets;
  for (const TargetPtr& target : snapshot.targets) {
    if (snapshot.target_index_of.contains(target.get())) targets.push_back(target);
  }
  return targets;
}

}  // namespace engine::control
