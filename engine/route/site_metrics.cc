// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/site_metrics.h"

namespace engine::route {

static_assert(kProtocolNames.size() == static_cast<std::size_t>(Protocol::kCount));
static_assert(kMethodNames.size() == static_cast<std::size_t>(http::Method::Other) + 1);
static_assert(kOpenStreamNames.size() == static_cast<std::size_t>(OpenStream::kCount));

void StatusCounts::count(std::uint16_t status, std::uint64_t times) {
  for (Entry& entry : std::span(entries_).first(kDifferentMax)) {
    const std::uint16_t there = entry.status.load(std::memory_order_relaxed);
    if (there != status && there != 0) continue;
    if (there == 0) entry.status.store(status, std::memory_order_release);
    entry.count += times;
    return;
  }
  entries_.back().count += times;
}

void StatusCounts::add(const StatusCounts& other) {
  for (const Entry& entry : std::span(other.entries_).first(kDifferentMax)) {
    const std::uint16_t status = entry.status.load(std::memory_order_acquire);
    if (status == 0) break;
    count(status, entry.count);
  }
  entries_.back().count += other.entries_.back().count;
}

void SiteCounters::count_request(http::Method method, Protocol protocol, std::uint16_t status) {
  if (status < 100 || status > 599) return;  // nobody was answered, nor would have been
  ++requests[static_cast<std::size_t>(method)][static_cast<std::size_t>(protocol)]
            [status / 100 - 1];
  statuses.count(status);
}

void SiteCounters::add(const SiteCounters& other) {
  base::add_all(requests, other.requests);
  statuses.add(other.statuses);
  duration.add(other.duration);
  first_byte.add(other.first_byte);
  upstream_connect.add(other.upstream_connect);
  upstream_duration.add(other.upstream_duration);
  in_flight += other.in_flight;
  queued += other.queued;
  base::add_all(streams_open, other.streams_open);
  request_bytes += other.request_bytes;
  response_bytes += other.response_bytes;
  retries += other.retries;
  base::add_all(errors, other.errors);
}

SiteMetrics::~SiteMetrics() {
  for (auto& slot : slots_) delete slot.load(std::memory_order_relaxed);
}

SiteCounters& SiteMetrics::of(std::size_t worker) {
  auto& slot = slots_[worker];
  if (slot.load(std::memory_order_relaxed) == nullptr)
    slot.store(new SiteCounters, std::memory_order_release);
  return *slot.load(std::memory_order_relaxed);
}

bool SiteMetrics::add_to(SiteCounters& sum) const {
  bool used = false;
  for (const auto& slot : slots_) {
    const SiteCounters* counters = slot.load(std::memory_order_acquire);
    if (counters == nullptr) continue;
    sum.add(*counters);
    used = true;
  }
  return used;
}

}  // namespace engine::route
