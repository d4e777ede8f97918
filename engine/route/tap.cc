// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/tap.h"

#include <algorithm>
#include <utility>

namespace engine::route {

bool TapFilter::wants(std::string_view of_site, std::string_view of_method,
                      std::string_view of_path, std::uint16_t status) const {
  return (site.empty() || of_site == site) && (method.empty() || of_method == method) &&
         of_path.starts_with(path) && status >= status_min && status <= status_max;
}

Tap::Tap(TapFilter filter, std::size_t worker_count, std::function<void()> wake)
    : filter_(std::move(filter)), wake_(std::move(wake)) {
  for (std::size_t i = 0; i < worker_count; ++i) lanes_.push_back(std::make_unique<Lane>());
}

// The exchange after the line, and that of wait_for_lines() before its look at the ring, come one
// after the other: either control sees the line, or the worker that it is waited for. ByteRing's
// own wake-up is cheaper, but may be missed.
void Tap::push(std::size_t worker, std::string_view line) {
  Lane& lane = *lanes_[worker];
  if (!lane.ring.push(line)) return;
  if (lane.waited_for.exchange(false, std::memory_order_acq_rel)) wake_();
}

void Tap::take(std::string& lines) {
  for (const auto& lane : lanes_) {
    if (lane->ring.empty()) continue;
    const std::size_t before = lines.size();
    lines.resize(before + lane->ring.capacity_bytes());
    lines.resize(before + lane->ring.pop(std::span(lines).subspan(before)));
  }
}

bool Tap::wait_for_lines() {
  for (const auto& lane : lanes_) lane->waited_for.exchange(true, std::memory_order_acq_rel);
  return std::ranges::all_of(lanes_, [](const auto& lane) { return lane->ring.empty(); });
}

std::uint64_t Tap::dropped() const {
  std::uint64_t count = 0;
  for (const auto& lane : lanes_) count += lane->ring.dropped();
  return count;
}

}  // namespace engine::route
