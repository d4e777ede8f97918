// SPDX-License-Identifier: GPL-3.0-or-later
// What holds a stream back before it has a target: the gate of its service, and the lack of a
// healthy target. While it is parked it keeps its place in the service's count of streams and
// nothing else; it is routed anew when what it waits for may have come.
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
  base::Time& since = parked_since_[static_cast<std::size_t>(wait)];
  if (since == 0) since = worker_.now();
  if (worker_.draining()) return answer(base::Cause::Draining, {});
  if (parked_until() <= worker_.now()) return answer(parked_cause(), {});
  release_inflight();
  if (!worker_.park(*this))
    return answer(base::Cause::Overloaded, "as many requests wait already as may");
  set_state(State::Parked);
  client().want_bytes();  // to hear of a client that goes away
  update_deadline();
}

void Stream::unpark() {
  record_.parked += worker_.now() - phase_started_;
  worker_.unpark(*this);
}

// A body, or the next request, stays with the client past the first buffer; so does the end of the
// client then.
std::size_t Stream::keep_while_parked(std::string_view bytes) {
  if (bytes.size() < worker_.receive_bytes()) client().want_bytes();
  return 0;
}

base::Time Stream::parked_until() const {
  const route::Service& service = *service_->service;
  const base::Time patience = wait_ == Wait::ForGate ? service.gate.max_pause : service.retry_hold;
  return parked_since_[static_cast<std::size_t>(wait_)] + patience;
}

base::Cause Stream::parked_cause() const {
  return wait_ == Wait::ForGate ? base::Cause::PauseTimeout : base::Cause::NoHealthyTarget;
}

void Stream::route_anew() {
  unpark();
  route_again();
}

void Stream::on_draining() { answer(base::Cause::Draining, {}); }

}  // namespace engine::proxy
