// SPDX-License-Identifier: GPL-3.0-or-later
// Which target of a service gets the next request. Pure choice: the caller keeps the counts.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/route/service.h"

namespace engine::route {

// What one worker knows about one target while it chooses.
struct Load {
  std::uint32_t inflight = 0;
  bool usable = true;  // may get this request
};

// Per service and worker.
struct BalanceState {
  std::uint64_t random = 0x9e3779b97f4a7c15;  // any seed but zero
  std::uint32_t next = 0;                     // round robin position
};

inline constexpr std::uint32_t kNoTarget = UINT32_MAX;

// Returns an index into `targets` (loads run parallel to them), or kNoTarget when none is usable.
// `hash_key` is the client's address or the header's or cookie's value for the hash kinds; the same key keeps
// its target while that is usable, and few keys move when a target comes or goes (weighted
// rendezvous hashing). An empty key chooses by load (P2c).
[[nodiscard]] std::uint32_t choose(Balance balance, std::span<const WeightedTarget> targets,
                                   std::span<const Load> loads, std::string_view hash_key,
                                   BalanceState& state) noexcept;

}  // namespace engine::route
