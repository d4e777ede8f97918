// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/io/timers.h"

#include <algorithm>
#include <bit>

namespace engine::io {

void Timers::set(Timer& timer, base::Time deadline) {
  if (deadline == base::kNever) return clear(timer);
  timer.deadline_ = deadline;
  const std::uint64_t tick = tick_of(deadline) + 1;
  if (timer.hook_.linked() && timer.slot_tick_ <= tick) return;
  timer.hook_.unlink();
  place(timer, tick);
}

void Timers::clear(Timer& timer) {
  timer.deadline_ = base::kNever;
  timer.hook_.unlink();
}

// Level n holds timers less than 64^(n+1) ticks away, in slots of 64^n ticks.
void Timers::place(Timer& timer, std::uint64_t tick) {
  tick = std::max(tick, current_tick_ + 1);
  const std::uint64_t range = (std::uint64_t{1} << (kSlotBits * kLevels)) - 1;
  tick = std::min(tick, current_tick_ + range - 1);
  timer.slot_tick_ = tick;
  const std::uint64_t differing = tick ^ current_tick_;
  unsigned level = (static_cast<unsigned>(std::bit_width(differing)) - 1) / kSlotBits;
  level = std::min(level, kLevels - 1);
  const auto slot = static_cast<unsigned>(tick >> (level * kSlotBits)) & (kSlots - 1);
  wheel_[level][slot].push_back(timer);
  occupied_[level] |= std::uint64_t{1} << slot;
}

void Timers::advance(base::Time now) {
  const std::uint64_t target = tick_of(now);
  while (current_tick_ < target) {
    const base::Time next = next_deadline();
    const std::uint64_t next_tick = next == base::kNever ? target : tick_of(next);
    // Nothing happens in between: jump to the tick before the next slot that may hold something.
    if (next_tick > current_tick_ + 1) {
      current_tick_ = std::min(target, next_tick) - 1;
    }
    ++current_tick_;
    for (unsigned level = kLevels - 1; level > 0; --level) {
      const std::uint64_t below = (std::uint64_t{1} << (level * kSlotBits)) - 1;
      if ((current_tick_ & below) == 0) open_slot(level);
    }
    const auto index = static_cast<unsigned>(current_tick_) & (kSlots - 1);
    if ((occupied_[0] >> index & 1) == 0) continue;
    occupied_[0] &= ~(std::uint64_t{1} << index);
    fire(wheel_[0][index], now);
  }
}

// The current slot of `level` begins: its timers move to finer levels.
void Timers::open_slot(unsigned level) {
  const auto index = static_cast<unsigned>(current_tick_ >> (level * kSlotBits)) & (kSlots - 1);
  occupied_[level] &= ~(std::uint64_t{1} << index);
  Slot waiting;
  Slot& slot = wheel_[level][index];
  while (!slot.empty()) waiting.push_back(slot.pop_front());
  while (!waiting.empty()) {
    Timer& timer = waiting.pop_front();
    const std::uint64_t tick = tick_of(timer.deadline_) + 1;
    if (tick > current_tick_) {
      place(timer, tick);
      continue;
    }
    // Due in this very tick: the finest level's current slot is looked at right after.
    timer.slot_tick_ = current_tick_;
    const auto now_slot = static_cast<unsigned>(current_tick_) & (kSlots - 1);
    wheel_[0][now_slot].push_back(timer);
    occupied_[0] |= std::uint64_t{1} << now_slot;
  }
}

void Timers::fire(Slot& slot, base::Time now) {
  Slot due;
  while (!slot.empty()) due.push_back(slot.pop_front());
  while (!due.empty()) {
    Timer& timer = due.pop_front();
    if (timer.deadline_ > now) {
      place(timer, tick_of(timer.deadline_) + 1);
      continue;
    }
    timer.deadline_ = base::kNever;
    timer.handler_(timer.owner_);
  }
}

base::Time Timers::next_deadline() const {
  std::uint64_t best = UINT64_MAX;
  for (unsigned level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    const unsigned shift = level * kSlotBits;
    const std::uint64_t here = current_tick_ >> shift;
    const auto start = static_cast<int>((here + 1) & (kSlots - 1));
    const std::uint64_t rotated = std::rotr(occupied_[level], start);
    const auto distance = static_cast<std::uint64_t>(std::countr_zero(rotated)) + 1;
    best = std::min(best, (here + distance) << shift);
  }
  if (best == UINT64_MAX) return base::kNever;
  return static_cast<base::Time>(best) * kTick;
}

}  // namespace engine::io
