// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/target_connections.h"

namespace engine::route {

// Whoever sees the count sees the time, and who has no time is not counted.
void TargetConnections::set_waiting(std::size_t worker, base::Time since) {
  std::atomic<base::Time>& own = shares_[worker].waits_since;
  const base::Time before = own.load(std::memory_order_relaxed);
  if (before == since) return;
  own.store(since);
  if (before == base::kNever) waiting_workers_.fetch_add(1);
  if (since == base::kNever) waiting_workers_.fetch_sub(1);
}

TargetConnections::Waiter TargetConnections::longest_waiting(std::size_t except) const {
  Waiter longest;
  if (waiting_workers_.load() == 0) return longest;
  for (std::size_t worker = 0; worker < shares_.size(); ++worker) {
    if (worker == except) continue;
    const base::Time since = shares_[worker].waits_since.load();
    if (since < longest.since) longest = {worker, since};
  }
  return longest;
}

}  // namespace engine::route
