// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/base/byte_ring.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "engine/base/check.h"

namespace engine::base {

ByteRing::ByteRing(std::size_t capacity_bytes)
    : bytes_(std::make_unique_for_overwrite<char[]>(capacity_bytes)), mask_(capacity_bytes - 1) {
  ENSURE(std::has_single_bit(capacity_bytes), "a byte ring's capacity is not a power of two");
}

bool ByteRing::push(std::string_view line) noexcept {
  const std::uint64_t written = written_.load(std::memory_order_relaxed);
  if (written - taken_seen_ + line.size() > capacity_bytes()) {
    taken_seen_ = taken_.load(std::memory_order_acquire);
    if (written - taken_seen_ + line.size() > capacity_bytes()) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
  }
  const std::size_t start = written & mask_;
  const std::size_t first = std::min(line.size(), capacity_bytes() - start);
  std::memcpy(bytes_.get() + start, line.data(), first);
  std::memcpy(bytes_.get(), line.data() + first, line.size() - first);
  written_.store(written + line.size(), std::memory_order_release);
  if (armed_.load(std::memory_order_relaxed) && armed_.exchange(false, std::memory_order_acq_rel)) {
    wake_(wake_argument_);
  }
  return true;
}

std::string_view ByteRing::peek() const noexcept {
  const std::uint64_t taken = taken_.load(std::memory_order_relaxed);
  const std::uint64_t held = written_.load(std::memory_order_acquire) - taken;
  const std::size_t start = taken & mask_;
  return {bytes_.get() + start, std::min<std::size_t>(held, capacity_bytes() - start)};
}

void ByteRing::consume(std::size_t bytes) noexcept {
  taken_.store(taken_.load(std::memory_order_relaxed) + bytes, std::memory_order_release);
}

std::size_t ByteRing::pop(std::span<char> into) noexcept {
  const std::uint64_t taken = taken_.load(std::memory_order_relaxed);
  const std::uint64_t held = written_.load(std::memory_order_acquire) - taken;
  const std::size_t count = std::min<std::size_t>(held, into.size());
  const std::size_t start = taken & mask_;
  const std::size_t first = std::min(count, capacity_bytes() - start);
  std::memcpy(into.data(), bytes_.get() + start, first);
  std::memcpy(into.data() + first, bytes_.get(), count - first);
  taken_.store(taken + count, std::memory_order_release);
  return count;
}

void ByteRing::set_wake(Wake wake, void* argument) noexcept {
  wake_ = wake;
  wake_argument_ = argument;
}

}  // namespace engine::base
