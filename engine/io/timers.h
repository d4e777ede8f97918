// SPDX-License-Identifier: GPL-3.0-or-later
// A hierarchical timing wheel. Setting a timer later than it stands costs one store: the wheel
// looks at the true deadline only when the old one comes round.
#pragma once

#include <array>
#include <cstdint>

#include "engine/base/clock.h"
#include "engine/base/list.h"

namespace engine::io {

// Names the member function that a timer calls.
template <auto Method>
struct Expires {};

// A member of the object that has a deadline.
class Timer {
 public:
  template <auto Method, typename Owner>
  Timer(Expires<Method>, Owner* owner)
      : owner_(owner), handler_([](void* self) { (static_cast<Owner*>(self)->*Method)(); }) {}

  // Nanoseconds on the loop's clock; kNever when it is not set.
  [[nodiscard]] base::Time deadline() const { return deadline_; }
  [[nodiscard]] bool is_set() const { return deadline_ != base::kNever; }

 private:
  friend class Timers;

  base::ListHook hook_;
  base::Time deadline_ = base::kNever;
  std::uint64_t slot_tick_ = 0;  // when the wheel looks at it
  void* owner_;
  void (*handler_)(void*);
};

class Timers {
 public:
  // Resolution: a timer fires up to one tick late, never early.
  static constexpr base::Time kTick = 4 * base::kMillisecond;

  explicit Timers(base::Time now) : current_tick_(tick_of(now)) {}

  // Replaces any deadline the timer had. kNever clears it.
  void set(Timer& timer, base::Time deadline);
  void clear(Timer& timer);

  // Calls the handlers of all timers that are due. A handler may set or clear any timer.
  void advance(base::Time now);
  // A moment not later than the earliest deadline at which advance() should be called; kNever when
  // none is set.
  [[nodiscard]] base::Time next_deadline() const;

 private:
  static constexpr unsigned kLevels = 5;
  static constexpr unsigned kSlotBits = 6;
  static constexpr unsigned kSlots = 1U << kSlotBits;
  using Slot = base::List<Timer, &Timer::hook_>;

  static std::uint64_t tick_of(base::Time time) { return static_cast<std::uint64_t>(time / kTick); }
  void place(Timer& timer, std::uint64_t tick);
  void open_slot(unsigned level);
  void fire(Slot& slot, base::Time now);

  std::array<std::array<Slot, kSlots>, kLevels> wheel_;
  std::array<std::uint64_t, kLevels>
      occupied_{};  // one bit a slot; may be set for a slot that emptied
  std::uint64_t current_tick_;
};

}  // namespace engine::io
