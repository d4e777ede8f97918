// SPDX-License-Identifier: GPL-3.0-or-later
// How long something took, many times over: counted by one thread, read by any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/base/clock.h"
#include "engine/base/counter.h"

namespace engine::route {

class Histogram {
 public:
  // Upper ends of the buckets, themselves inside; what took longer is in one more.
  static constexpr std::array kBounds = {
      100 * base::kMicrosecond,  250 * base::kMicrosecond,  500 * base::kMicrosecond,
      1 * base::kMillisecond,    2500 * base::kMicrosecond, 5 * base::kMillisecond,
      10 * base::kMillisecond,   25 * base::kMillisecond,   50 * base::kMillisecond,
      75 * base::kMillisecond,   100 * base::kMillisecond,  250 * base::kMillisecond,
      500 * base::kMillisecond,  750 * base::kMillisecond,  1 * base::kSecond,
      2500 * base::kMillisecond, 5 * base::kSecond,         7500 * base::kMillisecond,
      10 * base::kSecond};

  // `times` that took `duration` nanoseconds each, at least 0.
  void record(base::Time duration, std::uint64_t times = 1) {
    std::size_t at = 0;
    while (at < kBounds.size() && duration > kBounds[at]) ++at;
    counts_[at] += times;
    sum_ += static_cast<std::uint64_t>(duration) * times;
  }
  void add(const Histogram& other) {
    base::add_all(counts_, other.counts_);
    sum_ += other.sum_;
  }

  // Of bucket `at` alone; kBounds.size() is the last one.
  [[nodiscard]] std::uint64_t count(std::size_t at) const { return counts_[at]; }
  [[nodiscard]] std::uint64_t sum() const { return sum_; }  // nanoseconds

 private:
  std::array<base::Counter, kBounds.size() + 1> counts_;
  base::Counter sum_;
};

}  // namespace engine::route
