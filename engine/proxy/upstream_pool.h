// SPDX-License-Identifier: GPL-3.0-or-later
// What one worker keeps about the services and targets that it uses: idle connections, counts,
// balance positions. They live on over reloads, as long as the service or target does or a stream
// holds them.
#pragma once

#include <memory>

#include "engine/base/list.h"
#include "engine/proxy/upstream.h"
#include "engine/route/balance.h"
#include "engine/route/snapshot.h"

namespace engine::proxy {

struct TargetState {
  TargetState(std::shared_ptr<const route::Target> the_target,
              std::shared_ptr<const route::Addresses> the_addresses,
              std::shared_ptr<route::TargetConnections> the_connections)
      : target(std::move(the_target)),
        addresses(std::move(the_addresses)),
        connections(std::move(the_connections)),
        key(target->key()),
        speaks_h2(target->h2c()) {}

  std::shared_ptr<const route::Target> target;
  std::shared_ptr<const route::Addresses> addresses;
  std::shared_ptr<route::TargetConnections> connections;  // of all workers
  std::string key;                                        // the target's, for logs
  tls::Resumption tls_resumption;                         // of the last session that can be resumed
  // Most recently used first: the tail grows cold and expires.
  base::List<Upstream, &Upstream::pool_hook> idle;
  // Of HTTP/2, for any number of streams: those that can be leased, and those that will be.
  base::List<Upstream, &Upstream::pool_hook> shared;
  base::List<Upstream, &Upstream::pool_hook> connecting;
  // Parked for a connection, in the order of their arrival.
  base::List<Stream, &Stream::waiting_hook> waiting;
  base::ListHook crowd_hook;  // of the pool, while somebody waits
  std::uint32_t idle_count = 0;
  std::uint32_t spare = 0;              // in `idle` or `shared`: what could be given up
  std::uint32_t upstreams = 0;          // all Upstream objects of this target
  std::uint32_t inflight = 0;           // streams that chose it
  std::uint32_t preferred_address = 0;  // the one that answered last
  bool speaks_h2;                       // the last connection did
  bool has_place = false;               // taken for the stream that is served right now
  bool retired = false;                 // no longer in the snapshot

  [[nodiscard]] bool unused() const { return upstreams == 0 && inflight == 0; }
};

struct ServiceState {
  ServiceState(std::shared_ptr<const route::Service> the_service, std::size_t worker)
      : service(std::move(the_service)), metrics(service->metrics->of(worker)) {}

  std::shared_ptr<const route::Service> service;
  route::SiteCounters& metrics;  // this worker's, of the site
  route::BalanceState balance;
  std::uint32_t streams = 0;
  bool retired = false;

  void enter() {
    ++streams;
    ++metrics.in_flight;
  }
  void leave() {
    --streams;
    --metrics.in_flight;
  }
  [[nodiscard]] bool unused() const { return streams == 0; }
};

// The states of one snapshot's services and targets, by index; made on first use.
class UpstreamPool {
 public:
  explicit UpstreamPool(Worker& worker) : worker_(worker) {}
  // Every stream and upstream must have ended.
  ~UpstreamPool() = default;

  // Carries over what lives on; closes idle connections to targets that are gone.
  void adopt(const route::Snapshot& snapshot);

  [[nodiscard]] ServiceState& service(std::uint32_t index);
  // Null when a reload took the target away since the service was chosen.
  [[nodiscard]] TargetState* target(const route::WeightedTarget& wanted);

  // The armed receive may not have told yet that a connection ended. A request that can be sent again
  // may try it; for one that cannot, a look at the socket first is worth a system call.
  enum class Doubt : std::uint8_t { Trust, Look };
  // A connection that can be leased at once, or null. `tunnel`: for a request that asks for another
  // protocol.
  [[nodiscard]] Upstream* ready(TargetState& target, Doubt doubt, bool tunnel);
  // Those in use end with their last stream.
  void close_idle();

  // ---- upstream_places.cc: at most Limits::target_connections_max at once, over all workers.
  // For one connection more. False when there is none left, or others wait for one already.
  [[nodiscard]] bool take_place(TargetState& target);
  // The same for the first that waits here, to be taken right after.
  [[nodiscard]] bool reserve_place(TargetState& target);
  // Its connection is closed.
  void give_back_place(TargetState& target);
  // `stream` is parked: its try_target() is called until that says true.
  void queue(TargetState& target, Stream& stream);
  // At the end of a tick. False when nobody could go on.
  bool serve_waiting();
  // Whether a connection that is free should rather be closed than kept.
  [[nodiscard]] bool must_give_up(TargetState& target) const;
  // Another worker may have asked for it.
  void give_up_unused();
  // A connection joins what could be given up, or leaves it.
  void note_spare(TargetState& target, int change);

  // Forgets retired states that nothing refers to any more.
  void sweep();

 private:
  static void retire(TargetState& target);

  [[nodiscard]] std::uint32_t places_max() const;
  [[nodiscard]] route::TargetConnections::Waiter waiter_elsewhere(const TargetState& target) const;
  [[nodiscard]] bool is_wanted_elsewhere(TargetState& target) const;
  void pass_on(TargetState& target);
  void say_waiting(TargetState& target);
  bool serve(TargetState& target);
  void make_room(TargetState& target);
  static bool give_up_one(TargetState& target);

  Worker& worker_;
  const route::Snapshot* snapshot_ = nullptr;
  std::vector<std::unique_ptr<ServiceState>> services_;
  std::vector<std::unique_ptr<TargetState>> targets_;
  std::vector<std::unique_ptr<ServiceState>> retired_services_;
  std::vector<std::unique_ptr<TargetState>> retired_targets_;
  base::List<TargetState, &TargetState::crowd_hook> crowded_;  // where streams wait
};

}  // namespace engine::proxy
