// SPDX-License-Identifier: GPL-3.0-or-later
// Contiguous bytes that grow at the end and shrink at the front, from one thread's pool of blocks.
// An empty buffer holds no memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace engine::base {

// Blocks of a few sizes, kept for reuse: the one given back last is handed out first, while the
// cache still has it.
class BlockPool {
 public:
  static constexpr std::array<std::uint32_t, 4> kSizes = {4096, 16384, 65536, 262144};

  BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  struct Block {
    char* data = nullptr;
    std::uint32_t bytes = 0;
  };
  // At least `bytes` long; larger than the largest class comes from the heap directly.
  [[nodiscard]] Block take(std::size_t bytes);
  void give(Block block);

  [[nodiscard]] std::size_t blocks_out() const { return out_; }

 private:
  static constexpr std::size_t kIdleBytesMax = 4U << 20U;  // kept per class
  std::array<std::vector<char*>, kSizes.size()> idle_;
  std::size_t out_ = 0;
};

class Buffer {
 public:
  explicit Buffer(BlockPool& pool) : pool_(&pool) {}
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer() { clear(); }

  [[nodiscard]] bool empty() const { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] std::string_view view() const { return {block_.data + begin_, size()}; }

  void append(std::string_view bytes);
  // Room for at least `bytes` more behind the end; commit() takes what was written there.
  [[nodiscard]] std::span<char> room(std::size_t bytes);
  void commit(std::size_t bytes);
  // Drops bytes from the front; the memory goes back when nothing is left.
  void consume(std::size_t bytes);
  void clear();

 private:
  BlockPool* pool_;
  BlockPool::Block block_;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
};

}  // namespace engine::base
