// SPDX-License-Identifier: GPL-3.0-or-later
// Log lines on their way from the thread that writes them to the one that stores them: one
// producer, one consumer, no lock. A line that does not fit is dropped and counted; the producer
// never waits. It must not know what a line says.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace engine::base {

class ByteRing {
 public:
  static constexpr std::size_t kCapacityDefault = std::size_t{256} << 10U;

  // `capacity_bytes` is a power of two.
  explicit ByteRing(std::size_t capacity_bytes = kCapacityDefault);
  ByteRing(const ByteRing&) = delete;
  ByteRing& operator=(const ByteRing&) = delete;

  [[nodiscard]] std::size_t capacity_bytes() const { return mask_ + 1; }

  // ---- The producer's thread.
  // All of `line` or nothing; false when there was no room, which counts as a drop.
  bool push(std::string_view line) noexcept;

  // ---- The consumer's thread.
  // The first bytes that lie together in memory; empty only when the ring is.
  [[nodiscard]] std::string_view peek() const noexcept;
  void consume(std::size_t bytes) noexcept;
  // Copies and takes as much as fits; with `into` as large as the ring these are always whole
  // lines.
  std::size_t pop(std::span<char> into) noexcept;
  [[nodiscard]] bool empty() const noexcept { return peek().empty(); }

  // Asks for one call of `wake(argument)` by the producer's next push. A push at the same moment
  // may miss it: the price of a fence on every line would be higher than that of a consumer that
  // also looks by itself now and then.
  using Wake = void (*)(void* argument);
  void set_wake(Wake wake, void* argument) noexcept;  // before the producer starts
  void arm_wake() noexcept { armed_.store(true, std::memory_order_seq_cst); }

  // ---- Any thread.
  [[nodiscard]] std::uint64_t dropped() const noexcept {
    return dropped_.load(std::memory_order_relaxed);
  }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t mask_;
  Wake wake_ = nullptr;
  void* wake_argument_ = nullptr;

  // Positions only grow; the difference is what the ring holds. Each side has its own cache line,
  // and keeps the last position it saw of the other.
  alignas(64) std::atomic<std::uint64_t> written_{0};
  std::uint64_t taken_seen_ = 0;
  std::atomic<std::uint64_t> dropped_{0};
  alignas(64) std::atomic<std::uint64_t> taken_{0};
  alignas(64) std::atomic<bool> armed_{false};
};

}  // namespace engine::base
