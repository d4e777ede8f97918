// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/target_health.h"

#include <algorithm>

namespace engine::route {

// Mostly there is nothing to forget: no write to a line that every worker reads.
void TargetHealth::note_success() {
  if (failures_in_row_.load(std::memory_order_relaxed) == 0 &&
      ejections_in_row_.load(std::memory_order_relaxed) == 0)
    return;
  failures_in_row_.store(0, std::memory_order_relaxed);
  ejections_in_row_.store(0, std::memory_order_relaxed);
}

bool TargetHealth::note_failure(base::Time now, const Outlier& outlier) {
  base::Time until = ejected_until_.load(std::memory_order_relaxed);
  if (outlier.errors == 0 || until > now) return false;
  const base::Time last = last_failure_.exchange(now, std::memory_order_relaxed);
  if (now - last > outlier.window) failures_in_row_.store(0, std::memory_order_relaxed);
  if (failures_in_row_.fetch_add(1, std::memory_order_relaxed) + 1 < outlier.errors) return false;
  // Several workers may see the row full; exactly one of them ejects.
  const std::uint32_t before = ejections_in_row_.load(std::memory_order_relaxed);
  const std::uint32_t times = std::min(1U << std::min(before, 31U), Outlier::kEjectTimesMax);
  if (!ejected_until_.compare_exchange_strong(until, now + outlier.eject * times,
                                              std::memory_order_relaxed))
    return false;
  ejections_in_row_.store(before + 1, std::memory_order_relaxed);
  failures_in_row_.store(0, std::memory_order_relaxed);
  return true;
}

TargetHealth::Totals TargetHealth::totals() const {
  Totals totals;
  for (const Tally& tally : tallies_) {
    totals.inflight += tally.inflight.get();
    totals.tunnels += tally.tunnels.get();
    totals.requests += tally.requests.get();
    totals.failures += tally.failures.get();
    totals.retried += tally.retried;
    for (std::size_t i = 0; i < base::kCauseCount; ++i) totals.results[i] += tally.results[i];
  }
  return totals;
}

}  // namespace engine::route
