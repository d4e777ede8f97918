// SPDX-License-Identifier: GPL-3.0-or-later
// Slots for objects of one type that must not move while the kernel or a timer can reach them.
// Slots are reused, the hottest first, and never returned to the heap before the slab ends.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "engine/base/check.h"

namespace engine::base {

template <typename T>
class Slab {
 public:
  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() { ENSURE(live_ == 0, "a slab ends while its objects live"); }

  template <typename... Arguments>
  [[nodiscard]] T& create(Arguments&&... arguments) {
    if (free_.empty()) grow();
    void* slot = free_.back();
    free_.pop_back();
    ++live_;
    return *new (slot) T(std::forward<Arguments>(arguments)...);
  }

  void destroy(T& object) {
    object.~T();
    --live_;
    free_.push_back(&object);  // never grows: grow() reserved a place for every slot
  }

  [[nodiscard]] std::size_t live() const { return live_; }

 private:
  struct alignas(T) Slot {
    std::byte bytes[sizeof(T)];
  };
  static constexpr std::size_t kSlotsPerBlock = sizeof(T) >= 16384 ? 1 : 16384 / sizeof(T);

  void grow() {
    blocks_.push_back(std::make_unique_for_overwrite<Slot[]>(kSlotsPerBlock));
    free_.reserve(blocks_.size() * kSlotsPerBlock);
    for (std::size_t i = kSlotsPerBlock; i > 0; --i) free_.push_back(&blocks_.back()[i - 1]);
  }

  std::vector<std::unique_ptr<Slot[]>> blocks_;
  std::vector<void*> free_;
  std::size_t live_ = 0;
};

}  // namespace engine::base
