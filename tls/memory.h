// SPDX-License-Identifier: GPL-3.0-or-later
// The memory of wolfSSL: every thread keeps the blocks that it freed, for its next handshake or
// record. It must not know what is in them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tls {

// Blocks of many sizes, kept for reuse, the hottest first. They are malloc()'s own and belong to no
// pool: one may come from another pool, thread or malloc() itself, and stays with who frees it. Not
// to be shared by threads.
class MemoryPool {
 public:
  // Larger than a record; what is larger still is not kept.
  static constexpr std::size_t kBlockBytesMax = 32 * 1024 - 8;
  // Of each size. Enough for a burst of handshakes; what goes beyond is malloc()'s.
  static constexpr std::size_t kKeptBytesMax = 256 * 1024;

  struct Statistics {
    std::uint64_t allocated = 0;  // blocks
    std::uint64_t reused = 0;     // those of them that had been kept
    std::size_t kept_bytes = 0;   // now
  };

  constexpr MemoryPool() = default;
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  // As malloc(), realloc() and free() do, also when there is no memory; except that a size of 0 is a
  // size like others.
  [[nodiscard]] void* allocate(std::size_t bytes);
  [[nodiscard]] void* resize(void* block, std::size_t bytes);
  void release(void* block);

  [[nodiscard]] const Statistics& statistics() const { return statistics_; }

 private:
  struct Free {
    Free* next;
  };
  struct Kept {
    Free* first = nullptr;
    std::size_t bytes = 0;
  };

  std::array<Kept, 129> kept_;  // by size; the last is kBlockBytesMax
  Statistics statistics_;
};

// Whether the pools serve wolfSSL. Sanitizers look after blocks better where none is reused.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kMemoryIsPooled = false;
#elif defined(__has_feature)
inline constexpr bool kMemoryIsPooled =
    !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer);
#else
inline constexpr bool kMemoryIsPooled = true;
#endif

// From now on wolfSSL takes its memory from the calling thread's pool. Once, before a second thread
// uses wolfSSL; what it allocated earlier may be freed later.
void serve_wolfssl_from_pools();

// Of the calling thread's pool.
[[nodiscard]] MemoryPool::Statistics memory_statistics();

}  // namespace tls
