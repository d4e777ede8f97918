// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/world.h"

#include "tests/sim/identity.h"

namespace sim {
namespace {

std::shared_ptr<const route::Certificates> certificates() {
  auto made = std::make_shared<route::Certificates>();
  made->add(kServerName, identity().server);
  return made;
}

std::shared_ptr<const route::Certificates> certificates_on_request() {
  auto made = std::make_shared<route::Certificates>();
  made->set_issues_locally(true);
  return made;
}

std::shared_ptr<const route::TargetTls> target_tls() {
  return std::make_shared<const route::TargetTls>(route::TargetTls{
      .context = identity().client, .server_name = kServerName, .identity = kServerName});
}

}  // namespace

void Target::on_peer(Peer peer) {
  if (secure_) peer.secure(identity().server, {}, protocols_);
  waiting_.push_back(std::move(peer));
}

Peer Target::take() {
  if (waiting_.empty()) return {};
  Peer peer = waiting_.front();
  waiting_.pop_front();
  return peer;
}

World::World(std::uint64_t seed, Options options)
    : Stage(seed, options.faults), options_(std::move(options)) {
  for (unsigned i = 0; i < options_.targets; ++i) {
    targets_.push_back(std::make_unique<Target>(
        options_.secure_targets, speaks_h2(i) ? kBothVersions : std::string_view("http/1.1")));
    kernel().serve(static_cast<std::uint16_t>(kTargetPort + i), targets_.back().get());
  }
  listen_ = std::make_shared<const route::Listen>("0.0.0.0:80", std::uint16_t{80},
                                                  std::vector<int>{listener()});
  certificates_ = options_.awaits_certificate ? certificates_on_request() : certificates();
  renew_targets();
  renew_service();
  publish();
  seed_tls(seed);
  start_worker(
      options_.ring,
      {.seed = seed,
       .ask_for_certificate = [this](const std::string& name) { asked_names_.push_back(name); },
       .notify_other = [this](std::size_t worker) { woken_.push_back(worker); },
       .access = options_.access});
}

World::~World() {
  if (!ended()) end();
}

Peer World::connect(std::string_view protocols) {
  Peer peer = kernel().connect(listener());
  if (options_.secure_clients) peer.secure(identity().client, kServerName, protocols);
  return peer;
}

void World::issue_certificate() {
  certificates_ = certificates();
  reload(Reload::Same);
}

void World::renew_targets() {
  const auto secure = options_.secure_targets ? target_tls() : nullptr;
  route_targets_.clear();
  healths_.clear();
  connections_.clear();
  for (unsigned i = 0; i < options_.targets; ++i) {
    healths_.push_back(std::make_shared<route::TargetHealth>(1));
    connections_.push_back(std::make_shared<route::TargetConnections>(options_.workers));
    route_targets_.push_back(std::make_shared<const route::Target>(
        route::TargetKind::Tcp, "10.0.0." + std::to_string(i + 1),
        static_cast<std::uint16_t>(kTargetPort + i), secure,
        speaks_h2(i) && !options_.secure_targets));
  }
}

void World::renew_service() {
  auto service = std::make_shared<route::Service>();
  service->site = "*";
  service->name = "*";
  service->timeouts = {
      .connect = 2 * base::kSecond, .first_byte = 60 * base::kSecond, .idle = 300 * base::kSecond};
  service->metrics =
      service_ == nullptr ? std::make_shared<route::SiteMetrics>(1) : service_->metrics;
  service->retry_times = 1;
  service->retry_on = route::kRetryConnect;
  for (unsigned i = 0; i < options_.targets; ++i)
    service->targets.push_back(
        {.target = route_targets_[i], .target_index = i, .health = healths_[i]});
  if (options_.edit) options_.edit(*service);
  service_ = service;
}

void World::publish() {
  auto snapshot = std::make_unique<route::Snapshot>();
  snapshot->generation = ++generation_;
  snapshot->table = std::make_shared<const route::Table>(options_.sites);
  snapshot->services = {service_};
  snapshot->targets = route_targets_;
  snapshot->connections = connections_;
  snapshot->requests = requests_;
  snapshot->trust = std::make_shared<const route::TrustList>();
  snapshot->limits = std::make_shared<const route::Limits>(options_.limits);
  snapshot->listens = {listen_};
  snapshot->certificates = certificates_;
  snapshot->ticket_keys = identity().ticket_keys;
  snapshot->service_index_of[service_.get()] = 0;
  for (std::uint32_t i = 0; i < route_targets_.size(); ++i) {
    snapshot->addresses.push_back(
        std::make_shared<const route::Addresses>(route_targets_[i]->fixed_addresses()));
    snapshot->target_index_of[route_targets_[i].get()] = i;
  }
  published().publish(std::move(snapshot));
}

void World::reload(Reload what) {
  if (what == Reload::NewTargets) renew_targets();
  if (what != Reload::Same) renew_service();
  publish();
  worker().notify();
  published().collect();
}

void World::change(const std::function<void(Options&)>& edit) {
  edit(options_);
  reload(Reload::NewService);
}

void World::drain(std::size_t index, base::Time requests, base::Time tunnels) {
  health(index).end_streams(kernel().now() + requests, kernel().now() + tunnels);
  healths_[index] = std::make_shared<route::TargetHealth>(1);
  reload(Reload::NewService);
}

}  // namespace sim
