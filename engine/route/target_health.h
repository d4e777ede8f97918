// SPDX-License-Identifier: GPL-3.0-or-later
// How one target of one service does, seen by every thread at once. Control writes what probes say
// and when streams must end; the workers look before they choose, and note what they meet. It lives
// as long as the service has the target, over all its generations.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/counter.h"
#include "engine/base/error.h"

namespace engine::route {

// When a target that fails requests is left alone for a while. `errors` 0: never.
struct Outlier {
  std::uint32_t errors = 0;  // failures to connect and 5xx in a row
  base::Time window = 0;     // a row with a longer gap starts anew
  base::Time eject = 0;      // doubles with every ejection in a row, up to kEjectTimesMax times

  static constexpr std::uint32_t kEjectTimesMax = 16;
  bool operator==(const Outlier&) const = default;
};

class TargetHealth {
 public:
  // What one worker has counted, written by it alone.
  struct alignas(64) Tally {
    base::Counter inflight;  // streams that chose it and have not ended
    base::Counter tunnels;   // of these
    base::Counter requests;
    base::Counter failures;  // failures to connect and 5xx
    // Requests that have ended with it, by their cause, and those that went on to another try.
    std::array<base::Counter, base::kCauseCount> results;
    base::Counter retried;
  };

  explicit TargetHealth(std::size_t worker_count, bool up = true)
      : tallies_(worker_count), up_(up) {}
  TargetHealth(const TargetHealth&) = delete;
  TargetHealth& operator=(const TargetHealth&) = delete;

  // ---- Any thread. Times are those of the loop's clock.
  [[nodiscard]] bool up() const { return up_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool ejected(base::Time now) const { return ejected_until() > now; }
  [[nodiscard]] base::Time ejected_until() const {
    return ejected_until_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] Tally& tally(std::size_t worker) { return tallies_[worker]; }
  // When streams that still use it end: kNever unless it is drained.
  [[nodiscard]] base::Time requests_end() const {
    return requests_end_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] base::Time tunnels_end() const {
    return tunnels_end_.load(std::memory_order_relaxed);
  }
  void note_success();
  // True when this failure ejects it; of several at once, one does.
  bool note_failure(base::Time now, const Outlier& outlier);

  // ---- Control.
  void set_up(bool up) { up_.store(up, std::memory_order_relaxed); }
  // Workers look with the next snapshot they adopt.
  void end_streams(base::Time requests_at, base::Time tunnels_at) {
    requests_end_.store(requests_at, std::memory_order_relaxed);
    tunnels_end_.store(tunnels_at, std::memory_order_relaxed);
  }
  // Of all workers.
  struct Totals {
    std::uint64_t inflight = 0, tunnels = 0, requests = 0, failures = 0, retried = 0;
    std::array<std::uint64_t, base::kCauseCount> results{};
  };
  [[nodiscard]] Totals totals() const;

 private:
  std::vector<Tally> tallies_;
  std::atomic<bool> up_;
  std::atomic<base::Time> requests_end_{base::kNever};
  std::atomic<base::Time> tunnels_end_{base::kNever};
  std::atomic<base::Time> ejected_until_{0};
  std::atomic<base::Time> last_failure_{0};
  std::atomic<std::uint32_t> failures_in_row_{0};
  std::atomic<std::uint32_t> ejections_in_row_{0};
};

}  // namespace engine::route
