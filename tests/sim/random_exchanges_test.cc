// SPDX-License-Identifier: GPL-3.0-or-later
// Clients and targets that do everything HTTP/1.1 and HTTP/2 allow, and then everything they do not, from a seed; with
// gates that close and open, and targets that go down or are drained meanwhile. Rerun one with
// SIM_SEED=n; SIM_SEEDS=n tries as many, SIM_SECONDS=n bounds the time of each test (15), SIM_TRACE=1 prints what the
// kernel was asked for.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "tests/sim/play_seeds.h"
#include "tests/sim/scripted_client.h"
#include "tests/sim/scripted_h2_client.h"
#include "tests/sim/scripted_target.h"
#include "tests/sim/world.h"

namespace sim {
namespace {

constexpr int kTicksMax = 300'000;
constexpr unsigned kSecure = 100;
constexpr std::size_t kExchangesMost = 12;  // of one client

enum class Life : std::uint8_t { Calm, Operated, Lethal };

route::Buffering buffering_of(Random& random) {
  return {.requests = random.chance(300),
          .responses = random.chance(300),
          .memory_bytes = random.chance(500) ? 4'096U : 100'000U};
}

Options options_of(Random& random, bool lethal) {
  Options options;
  Faults& faults = options.faults;
  faults.short_transfer = static_cast<unsigned>(random.below(600));
  faults.not_now = static_cast<unsigned>(random.below(300));
  faults.no_buffers = random.chance(500) ? 0 : static_cast<unsigned>(random.below(300));
  faults.slow_completion = static_cast<unsigned>(random.below(500));
  faults.accept_ends = static_cast<unsigned>(random.below(500));
  faults.small_buffers = random.chance(400);
  options.ring.buffer_count = random.chance(300) ? 2 : 64;
  options.targets = static_cast<unsigned>(random.between(1, 3));
  options.limits.pool_idle_max = random.chance(200) ? 1 : 256;
  if (random.chance(150)) options.limits.requests_per_connection_max = 2;
  if (random.chance(150)) options.limits.connections_max = 2;
  if (random.chance(150)) options.limits.h2_streams_max = 2;
  if (random.chance(400)) options.h2_targets = static_cast<unsigned>(random.below(8));
  // Rarer than in life: a handshake costs more than the rest of a run.
  options.secure_clients = random.chance(kSecure);
  options.secure_targets = random.chance(kSecure);
  const route::Buffering buffering = buffering_of(random);
  options.edit = [=](route::Service& service) { service.buffering = buffering; };
  if (lethal) {
    faults.no_descriptors = random.chance(700) ? 0 : 100;
    faults.connect_fails = random.chance(500) ? 0 : 200;
    if (random.chance(100)) faults.descriptors_max = random.between(3, 12);
    if (random.chance(100)) faults.disk_fails = 20;
    if (random.chance(100)) faults.disk_bytes_max = random.below(300'000);
    const auto retry_on = static_cast<unsigned>(random.below(32));
    const base::Time retry_backoff = random.chance(300) ? 20 * base::kMillisecond : 0;
    const std::uint64_t body_most = random.chance(100) ? 3'000 : 0;
    const std::uint32_t inflight_most = random.chance(100) ? 2 : 0;
    const std::uint64_t response_most = random.chance(100) ? 3'000 : 0;
    const base::Time total = random.chance(100) ? 20 * base::kMillisecond : 0;
    options.edit = [=](route::Service& service) {
      service.retry_on = retry_on;
      service.retry_backoff = retry_backoff;
      service.buffering = buffering;
      service.buffering.response_bytes_max = response_most;
      service.body_bytes_max = body_most;
      service.inflight_max = inflight_most;
      service.timeouts.total = total;
    };
  }
  return options;
}

// Where nobody dies, whoever waits for a connection waits until it is its turn: a wake-up that is lost
// shows.
Options limited(Options options, Random random, bool lethal) {
  if (lethal && random.chance(100)) options.limits.requests_max = 2;
  if (!random.chance(250)) return options;
  options.limits.target_connections_max = static_cast<std::uint32_t>(random.between(1, 3));
  if (!lethal) options.edit = [](route::Service& service) { service.timeouts.connect = 0; };
  return options;
}

ClientHabits habits_of(Random& random, bool lethal) {
  ClientHabits habits;
  habits.pipelined = static_cast<unsigned>(random.between(1, 4));
  habits.lazy = static_cast<unsigned>(random.below(900));
  habits.lingers = random.chance(200);
  habits.half_closes = random.chance(100);
  if (!lethal) return habits;
  if (random.chance(50))
    habits.stall = static_cast<base::Time>(random.between(1, 400)) * base::kSecond;
  if (!random.chance(200)) return habits;
  habits.break_off = random.pick(
      std::vector<Break>{Break::Fin, Break::Fin, Break::Reset, Break::Cut, Break::Garbled});
  (random.chance(500) ? habits.break_after_writing : habits.break_after_reading) =
      random.size(200'000);
  return habits;
}

// A window in crumbs is an attack to the worker; only who may be cut off does that.
H2Habits h2_habits_of(Random& random, bool lethal, ClientHabits& habits) {
  habits.pipelined = static_cast<unsigned>(random.between(1, 8));
  if (random.chance(150))
    habits.holds_windows =
        static_cast<base::Time>(random.between(1, lethal ? 400 : 5)) * base::kSecond;
  if (lethal && random.chance(300)) habits.cancels = 200;
  H2Habits h2;
  if (random.chance(300))
    h2.stream_window = static_cast<std::uint32_t>(random.between(lethal ? 1 : 4'096, 20'000));
  if (random.chance(300))
    h2.connection_window = static_cast<std::uint32_t>(random.between(4'096, 200'000));
  return h2;
}

// One world with its clients, from a seed.
class Run {
 public:
  Run(std::uint64_t seed, Life life) : Run(seed, life == Life::Lethal) {
    operated_ = life == Life::Operated || (lethal_ && random_.chance(300));
  }

  ~Run() {
    if (!world_.ended()) world_.end();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void play() {
    for (int ticks = 0; !all_over() && !failed(); ++ticks) {
      if (ticks == kTicksMax)
        return world_.kernel().violation("a client waits for ever: endless ticks");
      if (random_.chance(5)) world_.reload(static_cast<World::Reload>(random_.below(3)));
      if (operated_ && random_.chance(20)) operate();
      if (ticks == stop_at_) return stop();
      if (ticks == drain_at_) world_.worker().stop(1'000 * base::kSecond);
      const bool drained = drain_at_ >= 0 && ticks >= drain_at_;
      if (!world_.tick() && !drained) world_.kernel().violation("the worker ends by itself");
      if (world_.kernel().quiet() && !all_over())
        return world_.kernel().violation("a client waits for ever");
    }
    if (!failed()) come_to_rest();
    if (!failed() && !lethal_) check_answers();
  }

 private:
  Run(std::uint64_t seed, bool lethal)
      : random_(seed ^ 0x5eed),
        lethal_(lethal),
        options_(limited(options_of(random_, lethal), Random(seed ^ 0x9ace5), lethal)),
        world_(seed, options_) {
    const Mood mood{.lethal = lethal, .body_most = random_.chance(300) ? 300'000UL : 5'000UL};
    const std::size_t client_count = random_.between(1, 6);
    exchanges_.reserve(client_count * kExchangesMost);
    for (std::size_t i = 0; i < client_count; ++i) {
      random_.chance(400) ? add_h2_client(mood, random_.between(1, kExchangesMost))
                          : add_client(mood, random_.between(1, kExchangesMost / 2));
    }
    target_ = std::make_unique<ScriptedTarget>(
        world_.kernel(), exchanges_,
        TargetKind{
            .lethal = lethal, .secure = options_.secure_targets, .http2 = options_.h2_targets});
    for (std::uint16_t i = 0; i < 3; ++i)
      world_.kernel().serve(static_cast<std::uint16_t>(kTargetPort + i), target_.get());
    if (lethal && random_.chance(150)) stop_at_ = static_cast<int>(random_.below(400));
    if (!lethal && random_.chance(150)) drain_at_ = static_cast<int>(random_.below(400));
  }

  Exchange& add_exchange(const Mood& mood) {
    Exchange& exchange = exchanges_.emplace_back(make_exchange(exchanges_.size(), mood, random_));
    exchange.buffered = world_.worker().snapshot().services[0]->buffering.requests;
    return exchange;
  }

  // What an operator or a check of health does while requests come.
  void operate() {
    const auto target = static_cast<std::size_t>(random_.below(options_.targets));
    const auto soon = [&] { return static_cast<base::Time>(random_.below(3'000'000'000)); };
    switch (random_.below(4)) {
      case 0: return drain(target, soon(), soon());
      case 1: world_.health(target).set_up(random_.chance(600)); return world_.worker().notify();
      default: break;
    }
    const route::Gate gate{.state = random_.pick(std::vector<route::Gate::State>{
                               route::Gate::State::Running, route::Gate::State::Running,
                               route::Gate::State::Paused, route::Gate::State::Stopped}),
                           .max_pause = soon(),
                           .message = {}};
    const base::Time hold = random_.chance(500) ? soon() : 0;
    world_.change([&](Options& options) {
      options.edit = [gate, hold, edit = options_.edit](route::Service& service) {
        if (edit) edit(service);
        service.gate = gate;
        service.retry_hold = hold;
      };
    });
  }

  void drain(std::size_t target, base::Time requests, base::Time tunnels) {
    for (Exchange& exchange : exchanges_) exchange.drained = true;
    world_.drain(target, requests, tunnels);
  }

  void add_client(const Mood& mood, std::size_t count) {
    std::vector<Exchange*> mine;
    ClientHabits habits = habits_of(random_, lethal_);
    // Who closes while its request is queued is gone, also with one half of its connection.
    if (options_.limits.target_connections_max > 0) habits.half_closes = false;
    for (std::size_t i = 0; i < count; ++i) {
      mine.push_back(&add_exchange(mood));
      if (exchanges_.back().upgrades) habits.half_closes = habits.lingers = false;
      if (exchanges_.back().upgrades) break;
    }
    clients_.push_back(
        std::make_unique<ScriptedClient>(world_.kernel(), world_.connect(), mine, habits));
  }

  void add_h2_client(const Mood& mood, std::size_t count) {
    std::vector<Exchange*> mine;
    ClientHabits habits = habits_of(random_, lethal_);
    const H2Habits h2 = h2_habits_of(random_, lethal_, habits);
    for (std::size_t i = 0; i < count; ++i) {
      mine.push_back(&add_exchange(mood));
    }
    h2_clients_.push_back(std::make_unique<ScriptedH2Client>(world_.kernel(), world_.connect("h2"),
                                                             mine, habits, h2));
  }

  [[nodiscard]] bool all_over() const {
    const auto over = [](const auto& client) { return client->over(); };
    return std::ranges::all_of(clients_, over) && std::ranges::all_of(h2_clients_, over);
  }
  [[nodiscard]] bool failed() { return world_.kernel().violated() || testing::Test::HasFailure(); }

  // With all deadlines past, nothing may be left but the listener.
  void come_to_rest() {
    int ticks = 0;
    do {
      static_cast<void>(world_.tick());
    } while (!world_.kernel().quiet() && ++ticks < kTicksMax && !failed());
    const proxy::Worker& worker = world_.worker();
    if (world_.kernel().open_sockets() > 0)
      world_.kernel().violation("sockets stay open after everything is over");
    if (world_.kernel().open_files() > 0)
      world_.kernel().violation("a file stays open after everything is over");
    if (world_.worker().blocks().blocks_out() > 0)
      world_.kernel().violation("memory stays in use after everything is over");
    if (worker.counters().connections_open > 0)
      world_.kernel().violation("a connection is still counted");
    if (worker.counters().parked > 0) world_.kernel().violation("a stream is still parked");
    for (unsigned i = 0; i < options_.targets; ++i) {
      const auto totals = world_.health(i).totals();
      if (totals.inflight + totals.tunnels > 0)
        world_.kernel().violation("a target still counts streams");
      if (world_.connections(i).places().taken() > 0)
        world_.kernel().violation("a target still counts connections");
    }
    if (world_.requests().taken() > 0) world_.kernel().violation("a request still has its place");
    check_counts(worker);
  }

  // Every request that began has ended once, and what the clients saw the end of is among them.
  void check_counts(const proxy::Worker& worker) {
    route::SiteCounters sum;
    sum.add(worker.unrouted());
    worker.snapshot().services[0]->metrics->add_to(sum);
    std::uint64_t requests = 0;
    for (const auto& entry : sum.statuses.entries()) requests += entry.count;
    const auto answered = std::ranges::count(exchanges_, Exchange::Outcome::Proxied,
                                             [](const Exchange& each) { return each.outcome; });
    if (requests != worker.counters().requests)
      world_.kernel().violation("requests and their ends do not agree");
    if (requests < static_cast<std::uint64_t>(answered))
      world_.kernel().violation("fewer requests were counted than answered");
    std::uint64_t counted = sum.in_flight + sum.queued;
    for (const base::Counter& open : sum.streams_open) counted += open;
    if (counted > 0) world_.kernel().violation("a stream is still counted");
  }

  void stop() {
    world_.end(random_.chance(500) ? 0
                                   : static_cast<base::Time>(random_.below(20)) * base::kSecond);
  }

  // Without anybody's fault every request that got through is answered, also when the worker drains
  // or the client is still sending requests that will not be; an operator may have them refused.
  void check_answers() {
    for (const Exchange& exchange : exchanges_) {
      if (exchange.outcome == Exchange::Outcome::Proxied) continue;
      if (operated_ && exchange.outcome == Exchange::Outcome::Refused && meant(exchange)) continue;
      if (exchange.drained && exchange.outcome == Exchange::Outcome::Broken) continue;
      if (exchange.outcome == Exchange::Outcome::None && exchange.heads_seen == 0) continue;
      if (drain_at_ >= 0 && exchange.upgrades) continue;
      // Its target said GOAWAY before the head could leave, and what began of a body is not kept.
      if (exchange.heads_seen == 0 && exchange.request_framing != Framing::None) continue;
      world_.kernel().violation("no answer to " + exchange.text());
    }
  }

  [[nodiscard]] bool meant(const Exchange& exchange) const {
    const auto caused_by = [&](std::string_view cause) {
      return exchange.refusal.find("error=" + std::string(cause)) != std::string::npos;
    };
    return caused_by("stopped") || caused_by("paused") || caused_by("no_healthy_target") ||
           (exchange.drained && caused_by("drained")) ||
           (drain_at_ >= 0 && caused_by("proxy_internal_response"));
  }

  Random random_;
  bool lethal_;
  bool operated_ = false;
  Options options_;
  World world_;
  std::vector<Exchange> exchanges_;
  std::vector<std::unique_ptr<ScriptedClient>> clients_;
  std::vector<std::unique_ptr<ScriptedH2Client>> h2_clients_;
  std::unique_ptr<ScriptedTarget> target_;
  int stop_at_ = -1;
  int drain_at_ = -1;
};

void play(Life life) {
  play_seeds(4'000, [life](std::uint64_t seed) { Run(seed, life).play(); });
}

TEST(RandomExchanges, every_byte_arrives_when_nobody_dies) { play(Life::Calm); }

TEST(RandomExchanges, every_request_has_one_end_whatever_an_operator_does) { play(Life::Operated); }

TEST(RandomExchanges, nothing_wrong_ever_looks_right) { play(Life::Lethal); }

}  // namespace
}  // namespace sim
