// SPDX-License-Identifier: GPL-3.0-or-later
// One production worker on the simulated kernel, with a snapshot of one site and its targets. When it ends, everything
// that the worker held must have gone back to the kernel.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/ring.h"
#include "engine/proxy/worker.h"
#include "engine/route/published.h"
#include "tests/sim/kernel.h"

namespace sim {

namespace route = engine::route;
namespace proxy = engine::proxy;
namespace io = engine::io;

struct Options {
  Faults faults;
  route::Limits limits;
  io::RingOptions ring;
  unsigned targets = 1;
  std::vector<route::Site> sites = {{"*", "/", 0}};
  std::function<void(route::Service&)> edit;  // of the site's service before it is published
  bool secure_clients = false;                // connect() gives clients that speak TLS
  bool secure_targets = false;
  unsigned h2_targets = 0;  // a bit for each that speaks HTTP/2: h2c, or by ALPN where it is secure
  bool awaits_certificate = false;  // there is none before issue_certificate()
  proxy::AccessLogOptions access;
};

// Connections that a scripted target accepted and nobody took yet.
class Target final : public Acceptor {
 public:
  // `protocols` of TLS.
  explicit Target(bool secure = false, std::string_view protocols = "http/1.1")
      : secure_(secure), protocols_(protocols) {}

  void on_peer(Peer peer) override;
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  // An empty one when there is none.
  Peer take();

 private:
  bool secure_;
  std::string protocols_;
  std::deque<Peer> waiting_;
};

inline constexpr std::uint16_t kTargetPort = 9000;  // of the first
inline constexpr std::string_view kBothVersions = "h2,http/1.1";

class World {
 public:
  explicit World(std::uint64_t seed, Options options = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Kernel& kernel() { return kernel_; }
  proxy::Worker& worker() { return *worker_; }
  Target& target(std::size_t index = 0) { return *targets_[index]; }
  base::ByteRing& access_log() { return access_log_; }
  // What control would ask; answered before this returns.
  route::Report inquire(route::Question question);

  // A client's connection to the listener; the worker accepts it when it runs. `protocols` of TLS.
  Peer connect(std::string_view protocols = "http/1.1");
  // Names that the worker asked a certificate for.
  [[nodiscard]] const std::vector<std::string>& asked_names() const { return asked_names_; }
  void issue_certificate();
  // Publishes a new snapshot: with the same objects, or with new ones in their place.
  enum class Reload : std::uint8_t { Same, NewService, NewTargets };
  void reload(Reload what);
  // The same with another service, other sites or limits.
  void change(const std::function<void(Options&)>& edit);
  // Of the target as the service has it now.
  [[nodiscard]] route::TargetHealth& health(std::size_t index = 0) { return *healths_[index]; }
  // What uses the target ends after so long; a successor takes its place.
  void drain(std::size_t index, base::Time requests, base::Time tunnels);

  bool tick();
  // Runs until nothing happens any more without time passing.
  void settle();
  void advance(base::Time time);
  // Writes all of it, however small the wire's buffer.
  void send(Peer& peer, std::string_view bytes);
  // Stops the worker and checks that it leaves nothing behind. Called at the end if it was not before.
  void end(base::Time grace = 0);
  [[nodiscard]] bool ended() const { return worker_ == nullptr; }

 private:
  [[nodiscard]] bool speaks_h2(unsigned target) const {
    return (options_.h2_targets >> target & 1U) != 0;
  }
  void publish();
  void renew_targets();
  void renew_service();

  Options options_;
  Kernel kernel_;
  int listener_;
  std::vector<std::unique_ptr<Target>> targets_;
  std::vector<std::shared_ptr<const route::Target>> route_targets_;
  std::vector<std::shared_ptr<route::TargetHealth>> healths_;
  std::shared_ptr<const route::Service> service_;
  std::shared_ptr<const route::Listen> listen_;
  std::shared_ptr<const route::Certificates> certificates_;
  std::vector<std::string> asked_names_;
  std::uint64_t generation_ = 0;
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
