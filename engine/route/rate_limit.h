// SPDX-License-Identifier: GPL-3.0-or-later
// How many requests a client may make: one rate for all workers together, counted without a lock and
// in fixed memory, however many clients there are.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"

namespace engine::route {

// `interval` between two requests in the long run; up to `burst` of them at once, at least 1.
// interval * burst is at most 365 days.
struct Rate {
  base::Time interval = 0;  // nanoseconds; 0 = no limit
  std::uint32_t burst = 1;

  bool operator==(const Rate&) const = default;
};

// Which requests count together: those of one address, of one value of a field or a cookie (where it
// is missing, of the address), or all.
enum class RateBy : std::uint8_t { ClientIp, Header, Cookie, All };

// Keys of RateLimit, the same in one process. An address as text: IPv6 counts by its /64, which is
// what one client is given at least; an IPv4 address in IPv6 as the former.
[[nodiscard]] std::uint64_t rate_key_of_address(std::string_view text);
[[nodiscard]] std::uint64_t rate_key_of_text(std::string_view text);

// The generic cell rate algorithm: of each key only the time is kept at which its bucket is full
// again. A key has its place in one of the sets, among seven others. Where all eight are in use,
// the one that is full again first is forgotten: its client starts with a full bucket. Two keys in
// one set are taken for one with a probability of 2^-16.
class RateLimit {
 public:
  static constexpr std::size_t kSets = 4096;
  static constexpr std::size_t kWays = 8;

  explicit RateLimit(Rate rate);

  [[nodiscard]] const Rate& rate() const { return rate_; }

  // Any thread. Counts a request of `key`, a hash of what its client is told by, and returns 0; or
  // counts none and returns after how many nanoseconds there will be room for one. `now` may be up
  // to a minute behind that of other threads.
  [[nodiscard]] base::Time take(std::uint64_t key, base::Time now);

 private:
  using Set = std::array<std::atomic<std::uint64_t>, kWays>;

  Rate rate_;
  std::vector<Set> sets_;
};

}  // namespace engine::route
