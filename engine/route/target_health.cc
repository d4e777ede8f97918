// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/target_health.h"

#include <algorithm>

namespace engine::route {

// Mostly there is nothing to forget: no write to a line that every worker reads.
void TargetHealth::note_success() {
  if (failures_in_row_.load(std::memory_order_relaxed) == 0) return;
  failures_in_row_.store(0, std::memory_order_relaxed);
  ejections_in_row_.store(0, std::memory_order_relaxed);
}

bool TargetHealth::note_failure(base::Time now, const Outlier& outlier) {
  if (outlier.errors == 0 || ejected(now)) return false;
  const base::Time last = last_failure_.exchange(now, std::memory_order_relaxed);
  if (now - last > outlier.window) failures_in_row_.store(0, std::memory_order_relaxed);
  // Exactly one of several workers sees the row become full.
  if (failures_in_row_.fetch_add(1, std::memory_order_relaxed) + 1 != outlier.errors) return false;
  const std::uint32_t times = ejections_in_row_.fetch_add(1, std::memory_order_relaxed) + 1;
  ejected_until_.store(
      now + outlier.eject * std::min(1U << std::min(times - 1, 31U), Outlier::kEjectTimesMax),
      std::memory_order_relaxed);
  failures_in_row_.store(0, std::memory_order_relaxed);
  return true;
}

TargetHealth::Totals TargetHealth::totals() const {
  Totals totals;
  for (const Tally& tally : tallies_) {
    totals.inflight += tally.inflight.load(std::memory_order_relaxed);
    totals.tunnels += tally.tunnels.load(std::memory_order_relaxed);
    totals.requests += tally.requests.load(std::memory_order_relaxed);
    totals.failures += tally.failures.load(std::memory_order_relaxed);
  }
  return totals;
}

}  // namespace engine::route
