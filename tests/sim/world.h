// SPDX-License-Identifier: GPL-3.0-or-later
// A worker with a snapshot that the test makes: of one site and its targets.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/stage.h"

namespace sim {

struct Options {
  Faults faults;
  route::Limits limits;
  io::RingOptions ring;
  unsigned targets = 1;
  unsigned workers = 1;  // of which a test plays all but the first: see World::connections()
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

class World final : public Stage {
 public:
  explicit World(std::uint64_t seed, Options options = {});
  ~World() override;

  Target& target(std::size_t index = 0) { return *targets_[index]; }

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
  // Of all workers.
  [[nodiscard]] route::TargetConnections& connections(std::size_t index = 0) {
    return *connections_[index];
  }
  [[nodiscard]] route::Places& requests() { return *requests_; }
  // Workers that were woken by this one, in order.
  [[nodiscard]] const std::vector<std::size_t>& woken() const { return woken_; }
  // Of the target as the service has it now.
  [[nodiscard]] route::TargetHealth& health(std::size_t index = 0) { return *healths_[index]; }
  // What uses the target ends after so long; a successor takes its place.
  void drain(std::size_t index, base::Time requests, base::Time tunnels);

 private:
  [[nodiscard]] bool speaks_h2(unsigned target) const {
    return (options_.h2_targets >> target & 1U) != 0;
  }
  void after_tick() override { published().collect(); }
  void publish();
  void renew_targets();
  void renew_service();

  Options options_;
  std::vector<std::unique_ptr<Target>> targets_;
  std::vector<std::shared_ptr<const route::Target>> route_targets_;
  std::vector<std::shared_ptr<route::TargetHealth>> healths_;
  std::vector<std::shared_ptr<route::TargetConnections>> connections_;
  std::shared_ptr<route::Places> requests_ = std::make_shared<route::Places>();
  std::shared_ptr<const route::Service> service_;
  std::shared_ptr<const route::Listen> listen_;
  std::shared_ptr<const route::Certificates> certificates_;
  std::vector<std::string> asked_names_;
  std::vector<std::size_t> woken_;
  std::uint64_t generation_ = 0;
};

}  // namespace sim
