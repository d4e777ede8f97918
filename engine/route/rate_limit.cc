// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/rate_limit.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "engine/base/check.h"
#include "engine/route/hash.h"
#include "engine/route/target.h"

namespace engine::route {
namespace {

// A slot is a tag of 16 bits and a time in ticks of 48; they come round once in two years, so that
// times are compared by their distance.
constexpr base::Time kTick = 256;
constexpr unsigned kTimeBits = 48;
constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << kTimeBits) - 1;
// Workers read their clocks once a turn: one may be behind what another has written down.
constexpr std::int64_t kBehindMax = 60 * base::kSecond / kTick;

constexpr base::Time kYear = 365 * 24 * 3600 * base::kSecond;

// So that a value which reads like an address does not count for whoever has that address.
constexpr std::uint64_t kAddressSeed = 0;
constexpr std::uint64_t kTextSeed = 1;

std::int64_t ticks_of(base::Time time) { return (time + kTick / 2) / kTick; }

std::uint64_t tag_of(std::uint64_t key) { return key & ~kTimeMask; }

// How far the time in `slot` lies ahead of `now`; 0 for one that is over. No bucket is further than
// `most` from being full: what seems to be so by more than a clock that is behind explains is from a
// round before.
std::int64_t ahead(std::uint64_t slot, std::int64_t now, std::int64_t most) {
  const std::uint64_t distance = (slot - static_cast<std::uint64_t>(now)) & kTimeMask;
  return distance > static_cast<std::uint64_t>(most + kBehindMax)
             ? 0
             : static_cast<std::int64_t>(distance);
}

std::uint64_t address_key(const void* bytes, std::size_t count) {
  return hash_bytes(process_secret(), {static_cast<const char*>(bytes), count}, kAddressSeed);
}

}  // namespace

RateLimit::RateLimit(Rate rate) : rate_(rate), sets_(kSets) {
  ENSURE(rate.interval > 0 && rate.burst > 0, "a rate limit without a rate");
  ENSURE(rate.burst <= kYear / rate.interval, "a burst that takes longer than a year to come back");
}

base::Time RateLimit::take(std::uint64_t key, base::Time now) {
  const std::int64_t tick = now / kTick;
  const std::int64_t interval = std::max<std::int64_t>(ticks_of(rate_.interval), 1);
  const std::int64_t room = interval * (rate_.burst - 1);
  Set& set = sets_[key % kSets];
  while (true) {
    std::atomic<std::uint64_t>* place = nullptr;
    std::uint64_t seen = 0;
    std::int64_t least = INT64_MAX;
    for (std::atomic<std::uint64_t>& slot : set) {
      const std::uint64_t value = slot.load(std::memory_order_relaxed);
      const bool same = tag_of(value) == tag_of(key) && value != 0;
      const std::int64_t distance = same ? -1 : ahead(value, tick, room + interval);
      if (distance >= least) continue;
      least = distance, place = &slot, seen = value;
    }
    const std::int64_t wait = least < 0 ? ahead(seen, tick, room + interval) : 0;
    if (wait > room) return (wait - room) * kTick;
    const auto full_again = static_cast<std::uint64_t>(tick + wait + interval) & kTimeMask;
    if (place->compare_exchange_weak(seen, tag_of(key) | full_again, std::memory_order_relaxed))
      return 0;
  }
}

std::uint64_t rate_key_of_address(std::string_view text) {
  Address address;
  if (!Address::parse_ip(text, 0, address)) return address_key(text.data(), text.size());
  if (address.family() == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address.storage, sizeof v4);
    return address_key(&v4.sin_addr, sizeof v4.sin_addr);
  }
  sockaddr_in6 v6;
  std::memcpy(&v6, &address.storage, sizeof v6);
  const std::uint8_t* const bytes = v6.sin6_addr.s6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return address_key(bytes + 12, 4);
  return address_key(bytes, 8);
}

std::uint64_t rate_key_of_text(std::string_view text) {
  return hash_bytes(process_secret(), text, kTextSeed);
}

}  // namespace engine::route
