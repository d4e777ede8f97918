// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/stage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

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

Stage::Stage(std::uint64_t seed, const Faults& faults)
    : kernel_(seed, faults), listener_(kernel_.listen()) {
  note_seed(seed);
}

Stage::~Stage() { note_seed(0); }

void Stage::start_worker(const io::RingOptions& ring, proxy::WorkerOptions options) {
  ring_ = *io::Ring::open(ring);
  worker_ = std::make_unique<proxy::Worker>(*ring_, published_, mailboxes_, &access_log_,
                                            std::move(options));
}

route::Report Stage::inquire(route::Question question) {
  const auto inquiry = mailboxes_.ask_one(0, std::move(question));
  worker_->notify();
  tick();
  EXPECT_TRUE(inquiry->complete());
  return std::move(*inquiry->reports().front());
}

bool Stage::tick() {
  const bool more = worker_->tick();
  after_tick();
  return more;
}

void Stage::settle() {
  kernel_.hold_clock(true);
  int ticks = 0;
  do {
    if (!tick()) break;
  } while (!kernel_.quiet() && ++ticks < kTicksMax);
  if (ticks == kTicksMax) kernel_.violation("the worker never comes to rest");
  kernel_.hold_clock(false);
}

void Stage::advance(base::Time time) {
  const base::Time until = kernel_.now() + time;
  // In steps, so that one deadline may lead to the next.
  for (int i = 0; i < 20 && kernel_.now() < until; ++i) {
    kernel_.set_now(std::min(until, kernel_.now() + time / 20 + 1));
    settle();
  }
}

void Stage::send(Peer& peer, std::string_view bytes) {
  for (int i = 0; i < kTicksMax && !bytes.empty(); ++i) {
    const std::size_t sent = peer.write(bytes);
    bytes.remove_prefix(sent);
    if (sent == 0 && peer.is_over()) return;
    settle();
  }
}

void Stage::end(base::Time grace) {
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
  EXPECT_EQ(ring_figures(*ring_).requests, 0U) << "SIM_SEED=" << kernel_.seed();
  worker_.reset();
  ring_.reset();
  EXPECT_EQ(kernel_.open_sockets(), 0U) << "SIM_SEED=" << kernel_.seed();
  EXPECT_EQ(kernel_.open_pipes(), 0U) << "SIM_SEED=" << kernel_.seed();
  EXPECT_EQ(kernel_.open_files(), 0U) << "SIM_SEED=" << kernel_.seed();
}

}  // namespace sim
