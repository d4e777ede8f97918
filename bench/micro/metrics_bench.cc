// SPDX-License-Identifier: GPL-3.0-or-later
// What counting costs a request, and a turn of the loop.
#include <benchmark/benchmark.h>

#include "engine/base/clock.h"
#include "engine/route/counters.h"
#include "engine/route/site_metrics.h"

namespace engine {
namespace {

void count_one_exchange(benchmark::State& state) {
  route::SiteMetrics metrics(1);
  route::SiteCounters& site = metrics.of(0);
  base::Time took = 0;
  for (auto _ : state) {
    took = (took + 37 * base::kMicrosecond) % (2 * base::kMillisecond);
    ++site.in_flight;
    site.request_bytes += 0;
    site.response_bytes += 512;
    site.count_request(http::Method::Get, route::Protocol::Http11, 200);
    site.duration.record(took);
    site.first_byte.record(took);
    --site.in_flight;
    benchmark::ClobberMemory();
  }
}
BENCHMARK(count_one_exchange);

void measure_one_turn(benchmark::State& state) {
  route::Counters counters;
  base::Time before = base::monotonic_now();
  for (auto _ : state) {
    const base::Time now = base::monotonic_now();
    counters.tick_time.record(now - before);
    counters.overhead.record(now - before);
    before = now;
    benchmark::ClobberMemory();
  }
}
BENCHMARK(measure_one_turn);

}  // namespace
}  // namespace engine
