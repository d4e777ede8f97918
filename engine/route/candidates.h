// SPDX-License-Identifier: GPL-3.0-or-later
// Which targets of a service may get a request, before balancing chooses one of them. Pure: the
// caller has asked the targets how they are.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/route/service.h"

namespace engine::route {

inline constexpr std::size_t kTargetsMax = 64;  // looked at for one request: the first ones

// Sets of targets, as bits by position in the service.
class Candidates {
 public:
  using Set = std::uint64_t;

  enum class State : std::uint8_t {
    Able,
    Ejected,  // able too, but only where there is no other
    Unable,   // down, without an address, or tried already for this request
  };

  // `at` is below kTargetsMax.
  void add(std::uint32_t at, Pool pool, State state) noexcept {
    const Set bit = Set{1} << at;
    pools_[static_cast<std::size_t>(pool)] |= bit;
    if (state == State::Able) able_ |= bit;
    if (state == State::Ejected) ejected_ |= bit;
  }

  // In whatever state they are.
  [[nodiscard]] bool has(Pool pool) const noexcept { return of(pool) != 0; }
  // Those of a pool that may get a request; where there is none, of its writers. Empty: nobody may.
  [[nodiscard]] Set usable(Pool pool) const noexcept;

 private:
  [[nodiscard]] Set of(Pool pool) const noexcept { return pools_[static_cast<std::size_t>(pool)]; }

  Set pools_[4] = {};
  Set able_ = 0;
  Set ejected_ = 0;
};

// What the choice of a pool depends on.
struct Purpose {
  bool reads = false;       // readers may take it
  bool wrote_just = false;  // its client wrote a moment ago: it reads from writers
  bool rolled_out = false;  // its client is one of those that get the new targets
};

// The pool whose targets such a request is for. A rollout's requests stay with the new targets, in
// so far as there are any.
[[nodiscard]] Pool pool_for(const Purpose& purpose, const Candidates& candidates) noexcept;

// Whether the client whose cookie of the rollout has this value gets the new targets; without one
// it does not.
[[nodiscard]] bool covers(const Rollout& rollout, std::string_view cookie_value) noexcept;

}  // namespace engine::route
