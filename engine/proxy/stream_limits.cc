// SPDX-License-Identifier: GPL-3.0-or-later
// What may be too much for a stream's site, or for the engine: its body, the requests of its client,
// and those in progress.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "engine/proxy/stream.h"
#include "engine/proxy/upstream_pool.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {

// As far as its length is known. False when it was answered.
bool Stream::body_fits(const http::RequestHead& head) {
  const std::uint64_t most = service_->service->body_bytes_max;
  const std::uint64_t length = request_spool_ != nullptr ? bytes_in() : head.content_length;
  if (most == 0 || length <= most) return true;
  answer(base::Cause::BodyTooLarge, {});
  return false;
}

// Of requests that are about to use a target. False when it was answered.
bool Stream::within_limits() {
  const route::Service& service = *service_->service;
  if (service.rate_limit != nullptr && !within_rate()) return false;
  if (!take_place(Bound::Service, *service.inflight, service.inflight_max)) {
    answer(base::Cause::InflightLimit, {});
    return false;
  }
  if (!take_place(Bound::Engine, *worker_.snapshot().requests, worker_.limits().requests_max)) {
    answer(base::Cause::ConcurrencyLimit, {});
    return false;
  }
  return true;
}

// Counted once, however often it is routed. False when it was answered.
bool Stream::within_rate() {
  if (rate_counted_) return true;
  const base::Time wait = service_->service->rate_limit->take(rate_key(), worker_.now());
  rate_counted_ = wait == 0;
  if (wait > 0) answer(base::Cause::RateLimited, {}, wait);
  return rate_counted_;
}

// Of whom its site counts it for.
std::uint64_t Stream::rate_key() {
  const route::Service& service = *service_->service;
  std::string_view told;
  switch (service.rate_by) {
    case route::RateBy::ClientIp: break;
    case route::RateBy::Header: told = http::find_field(head().fields, service.rate_name); break;
    case route::RateBy::Cookie: told = cookie(service.rate_name); break;
    case route::RateBy::All: return route::rate_key_of_text({});
  }
  return told.empty() ? route::rate_key_of_address(client_address())
                      : route::rate_key_of_text(told);
}

// Once: a stream that is routed anew may still hold one.
bool Stream::take_place(Bound bound, route::Places& places, std::uint32_t max) {
  route::Places*& held = places_[static_cast<std::size_t>(bound)];
  if (max == 0 || held != nullptr) return true;
  if (!places.take(max)) return false;
  held = &places;
  return true;
}

void Stream::release_place(Bound bound) {
  route::Places* const held = std::exchange(places_[static_cast<std::size_t>(bound)], nullptr);
  if (held != nullptr) held->give_back();
}

}  // namespace engine::proxy
