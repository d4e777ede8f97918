// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/control_world.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/identity.h"
#include "tests/sim/ring_sim.h"

namespace sim {
namespace {

constexpr base::Time kClosing = 100 * base::kMillisecond;  // shorter than any timeout
constexpr unsigned kOvertakes = 300;                       // chance in 1/1000

async::Task<void> keep(async::Task<control::Verbs::Result> verb, Kernel& kernel,
                       std::shared_ptr<ControlWorld::Done> done) {
  control::Verbs::Result result = co_await std::move(verb);
  done->at = kernel.now();
  done->result.emplace(std::move(result));
}

}  // namespace

ControlWorld::ControlWorld(std::uint64_t seed, ControlOptions options)
    : Stage(seed, options.faults) {
  seed_tls(seed);
  for (unsigned i = 0; i < options.applications; ++i) {
    const auto port = static_cast<std::uint16_t>(kFirstPort + i);
    applications_.push_back(std::make_unique<Application>(
        kernel(), port, [this, port](const std::string& path) { on_request(port, path); }));
  }
  control_ = std::make_unique<ControlThread>(
      ControlThread::Parts{kernel(), published(), mailboxes(), [this] { on_notified(); }},
      options.toml);
  start_worker({}, {.seed = seed});
  on_notified();
}

ControlWorld::~ControlWorld() {
  if (!ended()) close();
}

std::shared_ptr<route::TargetHealth> ControlWorld::health(const std::string& host,
                                                          std::size_t application) {
  const auto port = static_cast<std::uint16_t>(kFirstPort + application);
  for (const auto& each : published().current()->services) {
    if (each->site != host) continue;
    for (const route::WeightedTarget& target : each->targets)
      if (target.target->port() == port) return target.health;
  }
  return nullptr;
}

void ControlWorld::run_for(base::Time time) {
  static_cast<void>(run_until([] { return false; }, time));
}

void ControlWorld::tick_until(base::Time end) {
  kernel().interrupt_at(end);
  tick();
  kernel().interrupt_at(base::kNever);
}

std::shared_ptr<ControlWorld::Done> ControlWorld::start(async::Task<control::Verbs::Result> verb) {
  auto done = std::make_shared<Done>();
  operations().scope.spawn(keep(std::move(verb), kernel(), done));
  return done;
}

void ControlWorld::call(const std::vector<Wish>& wishes) {
  std::vector<Question*> mine;
  for (const Wish& wish : wishes) {
    questions_.push_back({.host = wish.host,
                          .path = "/" + std::to_string(questions_.size()),
                          .when = kernel().now() + wish.in});
    mine.push_back(&questions_.back());
  }
  callers_.push_back(std::make_unique<Caller>(
      Caller::World{kernel(), [this] { return kernel().connect(listener()); },
                    [this] { return worker().snapshot().generation; }},
      std::move(mine)));
}

bool ControlWorld::all_answered() const {
  return std::ranges::all_of(callers_, [](const auto& caller) { return caller->over(); });
}

// ---- What may be.

// There is a new snapshot, or the health of a target changed.
void ControlWorld::on_notified() {
  const route::Snapshot& snapshot = *published().current();
  Routes& routes = history_[snapshot.generation];
  for (const auto& service : snapshot.services) {
    Route& route = routes[service->site];
    route.open = service->gate.state == route::Gate::State::Running;
    for (const route::WeightedTarget& target : service->targets) {
      route.ports.insert(target.target->port());
      const auto known = down_since_.try_emplace(target.health, base::kNever).first;
      if (target.health->up())
        known->second = base::kNever;
      else
        known->second = std::min(known->second, kernel().now());
    }
  }
  if (ended()) return;
  worker().notify();
  // The worker's thread may be at it before control has done the rest of its turn. Its wait, if this is within one, must
  // look at the deadlines anew.
  if (!kernel().random().chance(kOvertakes)) return;
  tick();
  kernel().interrupt_at(kernel().now());
}

void ControlWorld::on_request(std::uint16_t port, const std::string& path) {
  const auto number = static_cast<std::size_t>(std::strtoull(path.c_str() + 1, nullptr, 10));
  const std::string what = "request " + path + " at " + std::to_string(port);
  if (number >= questions_.size()) return kernel().violation(what + ": nobody asked");
  Question& question = questions_[number];
  if (question.reached != base::kNever) kernel().violation(what + ": it was sent before");
  if (question.answered != base::kNever) kernel().violation(what + ": it has its answer");
  question.reached = kernel().now();
  question.port = port;
  if (!may_reach(question, port))
    kernel().violation(what + ": no snapshot since it was asked would send it there");
  const auto health_now = health(question.host, static_cast<std::size_t>(port - kFirstPort));
  if (health_now != nullptr && down_since_[health_now] < question.asked)
    kernel().violation(what + ": it was down before it was asked");
}

bool ControlWorld::may_reach(const Question& question, std::uint16_t port) const {
  const auto first = history_.lower_bound(question.generation);
  const auto last = history_.upper_bound(published().current()->generation);
  return std::any_of(first, last, [&](const auto& entry) {
    const auto route = entry.second.find(question.host);
    return route != entry.second.end() && route->second.open && route->second.ports.contains(port);
  });
}

// ---- The end.

void ControlWorld::close() {
  const base::Time start = kernel().now();
  control_->close();
  while (!control_->closed() && kernel().now() - start < kClosing) tick_until(base::kNever);
  if (!control_->closed()) kernel().violation("control does not end soon after close()");
  if (!kernel().violated()) check_rest();
  callers_.clear();
  end();
  if (kernel().violated()) {
    // As in Stage::end().
    static auto& abandoned = *new std::vector<ControlThread*>;
    abandoned.push_back(control_.release());
    kernel().remove(*abandoned.back());
  }
}

void ControlWorld::check_rest() {
  if (!all_answered()) return;
  if (worker().counters().parked > 0) kernel().violation("a request is still parked");
  for (const auto& [health, since] : down_since_) {
    const auto totals = health->totals();
    if (totals.inflight + totals.tunnels > 0) kernel().violation("a target still counts requests");
  }
  for (const auto& deploy : operations().deploys.list()) {
    if (!deploy->over()) kernel().violation("a deploy is not over: " + deploy->id());
  }
}

std::string address_of(std::size_t application) {
  return "10.0.0.1:" + std::to_string(ControlWorld::kFirstPort + application);
}

std::string site_of(const std::string& host, const std::vector<std::size_t>& applications,
                    const std::string& rest) {
  std::string list;
  for (const std::size_t each : applications)
    list += (list.empty() ? "\"" : ", \"") + address_of(each) + "\"";
  return "[routes.\"" + host + "\"]\nto = [" + list + "]\n" + rest + "\n";
}

}  // namespace sim
