// SPDX-License-Identifier: GPL-3.0-or-later
// The timing wheel with as many timers as there are connections on a busy worker.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "engine/io/timers.h"

namespace engine::io {
namespace {

struct Connection {
  void on_deadline() { ++fired; }

  Timer timer{Expires<&Connection::on_deadline>{}, this};
  std::uint64_t fired = 0;
};

struct Wheel {
  explicit Wheel(std::int64_t count) : connections(static_cast<std::size_t>(count)) {
    for (auto& each : connections) {
      each = std::make_unique<Connection>();
      timers.set(each->timer, 60 * base::kSecond);
    }
  }
  ~Wheel() {
    for (auto& each : connections) timers.clear(each->timer);
  }

  Timers timers{0};
  std::vector<std::unique_ptr<Connection>> connections;
};

// What every request does: the deadline moves later, the wheel is left alone.
void push_deadline_later(benchmark::State& state) {
  Wheel wheel(state.range(0));
  std::size_t at = 0;
  base::Time now = 0;
  for (auto _ : state) {
    wheel.timers.set(wheel.connections[at]->timer, ++now + 60 * base::kSecond);
    at = (at + 1) % wheel.connections.size();
  }
}
BENCHMARK(push_deadline_later)->Arg(1)->Arg(1'000)->Arg(100'000);

// A stream's own timer: set when it starts, cleared when it ends.
void set_and_clear(benchmark::State& state) {
  Wheel wheel(state.range(0));
  Connection stream;
  for (auto _ : state) {
    wheel.timers.set(stream.timer, 30 * base::kSecond);
    wheel.timers.clear(stream.timer);
  }
}
BENCHMARK(set_and_clear)->Arg(1)->Arg(100'000);

void advance_one_tick(benchmark::State& state) {
  Wheel wheel(state.range(0));
  base::Time now = 0;
  for (auto _ : state) {
    now += Timers::kTick;
    wheel.timers.advance(now);
    benchmark::DoNotOptimize(wheel.timers.next_deadline());
    if (now < 59 * base::kSecond) continue;
    state.PauseTiming();
    for (auto& each : wheel.connections) wheel.timers.set(each->timer, now + 3600 * base::kSecond);
    state.ResumeTiming();
  }
}
BENCHMARK(advance_one_tick)->Arg(1)->Arg(100'000);

}  // namespace
}  // namespace engine::io
