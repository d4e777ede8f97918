// SPDX-License-Identifier: GPL-3.0-or-later
// One production worker on the simulated kernel, whoever publishes its snapshots. When it ends, everything that the
// worker held must have gone back to the kernel.
#pragma once

#include <memory>
#include <string_view>

#include "engine/io/ring.h"
#include "engine/proxy/worker.h"
#include "engine/route/inquiry.h"
#include "engine/route/published.h"
#include "tests/sim/kernel.h"

namespace sim {

namespace route = engine::route;
namespace proxy = engine::proxy;
namespace io = engine::io;

class Stage {
 public:
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  Kernel& kernel() { return kernel_; }
  proxy::Worker& worker() { return *worker_; }
  base::ByteRing& access_log() { return access_log_; }

  bool tick();
  // Runs until nothing happens any more without time passing.
  void settle();
  void advance(base::Time time);
  // Writes all of it, however small the wire's buffer.
  void send(Peer& peer, std::string_view bytes);
  // Stops the worker and checks that it leaves nothing behind. Called at the end if it was not before.
  void end(base::Time grace = 0);
  [[nodiscard]] bool ended() const { return worker_ == nullptr; }
  // What control would ask; answered before this returns.
  route::Report inquire(route::Question question);

 protected:
  Stage(std::uint64_t seed, const Faults& faults);
  // After end().
  virtual ~Stage();

  // Once a snapshot is published.
  void start_worker(const io::RingOptions& ring, proxy::WorkerOptions options);
  [[nodiscard]] int listener() const { return listener_; }
  [[nodiscard]] route::Published& published() { return published_; }
  [[nodiscard]] const route::Published& published() const { return published_; }
  [[nodiscard]] route::Mailboxes& mailboxes() { return mailboxes_; }

 private:
  // Behind every tick of the worker.
  virtual void after_tick() {}

  Kernel kernel_;
  int listener_;
  route::Published published_{1};
  route::Mailboxes mailboxes_{1, [] {}};
  base::ByteRing access_log_;
  std::unique_ptr<io::Ring> ring_;
  std::unique_ptr<proxy::Worker> worker_;
};

// Of this process's environment: SIM_SEED reruns one seed, SIM_SEEDS sets how many are tried from there on,
// SIM_SECONDS for how long at most.
struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t count = 1;
  std::uint64_t seconds_max = 15;
};
[[nodiscard]] Seeds seeds(std::uint64_t count);
// Printed if the process dies while it is running.
void note_seed(std::uint64_t seed);

}  // namespace sim
