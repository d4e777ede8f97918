// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "tests/sim/identity.h"
#include "tests/sim/ring_sim.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace sim {
namespace {

constexpr int kTicksMax = 200'000;

std::uint64_t running_seed = 0;

void say_seed() {
  if (running_seed != 0)
    std::fprintf(stderr, "SIM_SEED=%llu\n", static_cast<unsigned long long>(running_seed));
}

void on_abort(int) { say_seed(); }

std::uint64_t number(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

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

// Not every sanitizer calls the death callback, but all of them can abort.
extern "C" const char* __ubsan_default_options() { return "abort_on_error=1:print_stacktrace=1"; }

Seeds seeds(std::uint64_t count) {
  const std::uint64_t first = number("SIM_SEED", 0);
  return {std::max<std::uint64_t>(first, 1), number("SIM_SEEDS", first == 0 ? count : 1),
          number("SIM_SECONDS", 15)};
}

void note_seed(std::uint64_t seed) {
  running_seed = seed;
  static const bool installed = [] {
    std::signal(SIGABRT, on_abort);
    std::signal(SIGSEGV, [](int) {
      say_seed();
      std::_Exit(1);
    });
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    std::signal(SIGSEGV, SIG_DFL);
    __sanitizer_set_death_callback(say_seed);
#endif
    return true;
  }();
  static_cast<void>(installed);
}

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
    : options_(std::move(options)), kernel_(seed, options_.faults), listener_(kernel_.listen()) {
  note_seed(seed);
  for (unsigned i = 0; i < options_.targets; ++i) {
    targets_.push_back(std::make_unique<Target>(
        options_.secure_targets, speaks_h2(i) ? kBothVersions : std::string_view("http/1.1")));
    kernel_.serve(static_cast<std::uint16_t>(kTargetPort + i), targets_.back().get());
  }
  listen_ = std::make_shared<const route::Listen>("0.0.0.0:80", std::uint16_t{80},
                                                  std::vector<int>{listener_});
  certificates_ = options_.awaits_certificate ? certificates_on_request() : certificates();
  renew_targets();
  renew_service();
  publish();
  seed_tls(seed);
  ring_ = *io::Ring::open(options_.ring);
  worker_ = std::make_unique<proxy::Worker>(
      *ring_, published_, mailboxes_, &access_log_,
      proxy::WorkerOptions{
          .seed = seed,
          .ask_for_certificate = [this](const std::string& name) { asked_names_.push_back(name); },
          .access = options_.access});
}

World::~World() {
  if (!ended()) end();
  note_seed(0);
}

Peer World::connect(std::string_view protocols) {
  Peer peer = kernel_.connect(listener_);
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
  for (unsigned i = 0; i < options_.targets; ++i) {
    healths_.push_back(std::make_shared<route::TargetHealth>(1));
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
  published_.publish(std::move(snapshot));
}

void World::reload(Reload what) {
  if (what == Reload::NewTargets) renew_targets();
  if (what != Reload::Same) renew_service();
  publish();
  worker_->notify();
  published_.collect();
}

void World::change(const std::function<void(Options&)>& edit) {
  edit(options_);
  reload(Reload::NewService);
}

void World::drain(std::size_t index, base::Time requests, base::Time tunnels) {
  health(index).end_streams(kernel_.now() + requests, kernel_.now() + tunnels);
  healths_[index] = std::make_shared<route::TargetHealth>(1);
  reload(Reload::NewService);
}

route::Report World::inquire(route::Question question) {
  const auto inquiry = mailboxes_.ask_one(0, std::move(question));
  worker_->notify();
  tick();
  EXPECT_TRUE(inquiry->complete());
  return std::move(*inquiry->reports().front());
}

bool World::tick() {
  const bool more = worker_->tick();
  published_.collect();
  return more;
}

void World::settle() {
  kernel_.hold_clock(true);
  int ticks = 0;
  do {
    if (!tick()) break;
  } while (!kernel_.quiet() && ++ticks < kTicksMax);
  if (ticks == kTicksMax) kernel_.violation("the worker never comes to rest");
  kernel_.hold_clock(false);
}

void World::advance(base::Time time) {
  const base::Time until = kernel_.now() + time;
  // In steps, so that one deadline may lead to the next.
  for (int i = 0; i < 20 && kernel_.now() < until; ++i) {
    kernel_.set_now(std::min(until, kernel_.now() + time / 20 + 1));
    settle();
  }
}

void World::send(Peer& peer, std::string_view bytes) {
  for (int i = 0; i < kTicksMax && !bytes.empty(); ++i) {
    const std::size_t sent = peer.write(bytes);
    bytes.remove_prefix(sent);
    if (sent == 0 && peer.is_over()) return;
    settle();
  }
}

void World::end(base::Time grace) {
  worker_->stop(grace);
  bool running = true;
  for (int ticks = 0; running && ticks < kTicksMax; ++ticks) {
    running = tick();
    if (kernel_.quiet()) break;
  }
  if (running) kernel_.violation("the worker does not end after stop()");
  if (testing::Test::HasFatalFailure() || kernel_.violated()) {
    // Taking apart what is left would only bury the cause. Kept reachable: the leak is meant.
    static auto& abandoned = *new std::vector<std::pair<proxy::Worker*, io::Ring*>>;
    abandoned.emplace_back(worker_.release(), ring_.release());
    return;
  }
  EXPECT_EQ(worker_->blocks().blocks_out(), 0U) << "SIM_SEED=" << kernel_.seed();
  EXPECT_EQ(ring_figures().requests, 0U) << "SIM_SEED=" << kernel_.seed();
  worker_.reset();
  ring_.reset();
  EXPECT_EQ(kernel_.open_sockets(), 0U) << "SIM_SEED=" << kernel_.seed();
  EXPECT_EQ(kernel_.open_pipes(), 0U) << "SIM_SEED=" << kernel_.seed();
  EXPECT_EQ(kernel_.open_files(), 0U) << "SIM_SEED=" << kernel_.seed();
}

}  // namespace sim
