// SPDX-License-Identifier: GPL-3.0-or-later
// A number that one thread writes and any thread may read while it does.
#pragma once

#include <atomic>
#include <cstdint>

namespace engine::base {

// Costs its writer what a plain integer does: no locked instruction. Readers see each counter by
// itself, not several at one moment.
class Counter {
 public:
  Counter() = default;
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  // ---- Its writer.
  Counter& operator+=(std::uint64_t by) {
    value_.store(get() + by, std::memory_order_relaxed);
    return *this;
  }
  Counter& operator++() { return *this += 1; }
  Counter& operator--() { return *this += UINT64_MAX; }

  // ---- Any thread.
  [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }
  // Implicit, as with std::atomic.
  operator std::uint64_t() const { return get(); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Adds those of `from`, an array of counters or of such arrays.
template <typename Counters>
void add_all(Counters& to, const Counters& from) {
  if constexpr (requires { to += from.get(); }) {
    to += from.get();
  } else {
    for (std::size_t i = 0; i < to.size(); ++i) add_all(to[i], from[i]);
  }
}

}  // namespace engine::base
