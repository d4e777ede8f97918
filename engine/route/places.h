// SPDX-License-Identifier: GPL-3.0-or-later
// How many of something there are at once, counted over all workers.
#pragma once

#include <atomic>
#include <cstdint>

#include "engine/base/check.h"

namespace engine::route {

class Places {
 public:
  // False when `max` are taken; 0 = no limit. It may be another one each time: a reload changes it.
  [[nodiscard]] bool take(std::uint32_t max) {
    std::uint32_t taken = taken_.load();
    while (max == 0 || taken < max) {
      if (taken_.compare_exchange_weak(taken, taken + 1)) return true;
    }
    return false;
  }
  void give_back() { ENSURE(taken_.fetch_sub(1) > 0, "a place is given back that nobody took"); }
  [[nodiscard]] std::uint32_t taken() const { return taken_.load(); }

 private:
  std::atomic<std::uint32_t> taken_{0};
};

}  // namespace engine::route
