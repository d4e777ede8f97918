// SPDX-License-Identifier: GPL-3.0-or-later
// What holds a stream back before its request is sent: the gate of its service, the lack of a
// healthy target, that its target has no connection for it, and that it was tried too recently. It
// keeps its place in the service's count of streams and nothing else, and is routed anew when what it
// waits for may have come; who waits for a connection has its target, and its places among the
// requests in progress.
#include "engine/http/target.h"
#include "engine/proxy/stream.h"
#include "engine/proxy/upstream_pool.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {

// As the checks of the site's health do.
bool Stream::asks_health(const http::RequestHead& head) const {
  const route::Service& service = *service_->service;
  if (service.health_path.empty()) return false;
  if (method_ != http::Method::Get && method_ != http::Method::Head) return false;
  const std::string_view wanted = service.health_path;
  return http::strip_prefix(head.path, service.strip_prefix) == wanted.substr(0, wanted.find('?'));
}

// False when it was answered, or waits.
bool Stream::pass_gate() {
  const route::Gate::State gate = service_->service->gate.state;
  if (gate == route::Gate::State::Paused) park(Wait::ForGate);
  if (gate == route::Gate::State::Stopped) answer(base::Cause::Stopped, {});
  return gate == route::Gate::State::Running;
}

// Counted from the first time: whoever is parked again and again does not wait for ever.
void Stream::park(Wait wait) {
  wait_ = wait;
  const bool has_target = wait == Wait::ForConnection;
  base::Time& since = parked_since_[static_cast<std::size_t>(wait)];
  if (since == 0) since = worker_.now();
  if (worker_.draining() && !has_target) return answer(base::Cause::Draining, {});
  if (parked_until() <= worker_.now()) return answer(parked_cause(), {});
  if (!has_target) {
    release_place(Bound::Service);
    release_place(Bound::Engine);
  }
  if (!worker_.park(*this))
    return answer(base::Cause::Overloaded, "as many requests wait already as may");
  if (has_target) {
    ++service_->metrics.queued;
    worker_.pool().queue(*target_, *this);
  }
  set_state(State::Parked);
  client().want_bytes();  // to hear of a client that goes away
  update_deadline();
}

void Stream::unpark() {
  base::Time& waited = wait_ == Wait::ForGate ? record_.gate_wait : record_.queue;
  waited += worker_.now() - phase_started_;
  if (wait_ == Wait::ForConnection) --service_->metrics.queued;
  waiting_hook.unlink();
  worker_.unpark(*this);
}

// A body, or the next request, stays with the client past the first buffer; so does the end of the
// client then.
std::size_t Stream::keep_while_parked(std::string_view bytes) {
  if (bytes.size() < worker_.receive_bytes()) client().want_bytes();
  return 0;
}

base::Time Stream::parked_since(Wait wait) const {
  return parked_since_[static_cast<std::size_t>(wait)];
}

base::Time Stream::parked_until() const {
  const route::Service& service = *service_->service;
  switch (wait_) {
    case Wait::ForGate: return parked_since(wait_) + service.gate.max_pause;
    case Wait::ForTarget: return parked_since(wait_) + service.retry_hold;
    case Wait::ForRetry: return retry_at_;
    case Wait::ForConnection: break;
  }
  const base::Time connect = service.timeouts.connect;
  return connect == 0 ? base::kNever : parked_since(wait_) + connect;
}

base::Cause Stream::parked_cause() const {
  switch (wait_) {
    case Wait::ForGate: return base::Cause::PauseTimeout;
    case Wait::ForTarget:
    case Wait::ForRetry: return base::Cause::NoHealthyTarget;
    case Wait::ForConnection: break;
  }
  return base::Cause::ConnectionLimit;
}

void Stream::route_anew() {
  unpark();
  if (target_ != nullptr) {
    --tally().requests;
    --record_.tries;
    release_target();
  }
  route_again();
}

// False, and it goes on waiting, when there is neither a connection nor a place for one.
bool Stream::try_target() {
  const bool leased = lease_ready();
  if (!leased && !may_join_connecting() && !worker_.pool().reserve_place(*target_)) return false;
  unpark();
  set_state(State::Start);
  worker_.timers().clear(timer_);
  leased ? send_request() : reach_target();
  return true;
}

void Stream::on_draining() { answer(base::Cause::Draining, {}); }

}  // namespace engine::proxy
