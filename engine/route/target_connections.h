// SPDX-License-Identifier: GPL-3.0-or-later
// How many connections to one target all workers have open together, which workers have requests
// that wait for one, and which have some to spare. It lives as long as the target, over all
// generations. The order of what is said and asked here decides whether a waiting worker is woken:
// every access is sequentially consistent where there is a limit.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/base/clock.h"
#include "engine/route/places.h"

namespace engine::route {

class TargetConnections {
 public:
  explicit TargetConnections(std::size_t worker_count) : shares_(worker_count) {}
  TargetConnections(const TargetConnections&) = delete;
  TargetConnections& operator=(const TargetConnections&) = delete;

  // A connection holds its place until its socket is closed.
  [[nodiscard]] Places& places() { return places_; }

  // ---- That worker's thread only.
  // Since when the first of its requests waits; kNever: none does.
  void set_waiting(std::size_t worker, base::Time since);
  // How many connections it could give up. `limited`: others may wait for them.
  void set_spare(std::size_t worker, std::uint32_t count, bool limited) {
    shares_[worker].spare.store(count,
                                limited ? std::memory_order_seq_cst : std::memory_order_release);
  }

  // ---- Any thread.
  struct Waiter {
    std::size_t worker = 0;
    base::Time since = base::kNever;  // kNever: nobody waits
  };
  // Of all workers but `except`, the one whose first request has waited longest.
  [[nodiscard]] Waiter longest_waiting(std::size_t except) const;
  [[nodiscard]] std::uint32_t spare(std::size_t worker) const { return shares_[worker].spare; }
  [[nodiscard]] std::size_t worker_count() const { return shares_.size(); }

 private:
  struct alignas(64) Share {
    std::atomic<base::Time> waits_since{base::kNever};
    std::atomic<std::uint32_t> spare{0};
  };

  Places places_;
  std::atomic<std::uint32_t> waiting_workers_{0};  // mostly nobody: one look says so
  std::vector<Share> shares_;
};

}  // namespace engine::route
