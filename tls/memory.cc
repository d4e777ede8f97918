// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/memory.h"

#include <malloc.h>

// wolfSSL's own options come first.
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/memory.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "engine/base/check.h"

// Blocks are not wiped: wolfSSL wipes keys, and records that it has read, before it frees them.

namespace tls {
namespace {

// glibc's chunks are multiples of 16 bytes, of which it takes 8 itself. So are the sizes here, and
// malloc_usable_size() tells them: headers of ours would cost an idle session 5 % of its memory, and
// be missing where wolfCrypt was used before wolfSSL_Init(). Using all that is usable is sound as
// long as the compiler does not see how much was asked for, which wolfSSL's calls hide. Up to 512
// bytes each multiple is a size; from there on a power of two has 16, so that at most a 16th is lost.
constexpr std::size_t kUnit = 16;
constexpr std::size_t kOverhead = 8;
constexpr std::size_t kUnitsMin = 2;  // malloc() has no smaller ones

// The largest size that is not larger. Without a gap: 31 is followed by 32 (of 32 units), 33 (34).
constexpr std::size_t index_within(std::size_t units) {
  if (units < 32) return units;
  const auto exponent = static_cast<std::size_t>(std::bit_width(units)) - 5;
  return exponent * 16 + (units >> exponent);
}

// The smallest size that is not smaller.
constexpr std::size_t index_for(std::size_t bytes) {
  const std::size_t units = (bytes + kOverhead + kUnit - 1) / kUnit;
  return units <= kUnitsMin ? kUnitsMin : index_within(units - 1) + 1;
}

std::size_t index_of(void* block) {
  return index_within((::malloc_usable_size(block) + kOverhead) / kUnit);
}

constexpr std::size_t bytes_at(std::size_t index) {
  const std::size_t exponent = index < 32 ? 0 : index / 16 - 1;
  return ((index - exponent * 16) << exponent) * kUnit - kOverhead;
}

static_assert(index_for(0) == 2 && index_for(24) == 2 && index_for(25) == 3);
static_assert(index_for(bytes_at(33)) == 33 && index_for(bytes_at(33) + 1) == 34);
static_assert(bytes_at(128) == MemoryPool::kBlockBytesMax);

}  // namespace

MemoryPool::~MemoryPool() {
  for (Kept& kept : kept_) {
    while (Free* const block = kept.first) {
      kept.first = block->next;
      std::free(block);
    }
  }
}

void* MemoryPool::allocate(std::size_t bytes) {
  ++statistics_.allocated;
  if (bytes > kBlockBytesMax) return std::malloc(bytes);
  const std::size_t index = index_for(bytes);
  Kept& kept = kept_[index];
  Free* const block = kept.first;
  if (block == nullptr) return std::malloc(bytes_at(index));
  kept.first = block->next;
  kept.bytes -= bytes_at(index);
  statistics_.kept_bytes -= bytes_at(index);
  ++statistics_.reused;
  return block;
}

void* MemoryPool::resize(void* block, std::size_t bytes) {
  if (block == nullptr) return allocate(bytes);
  if (bytes <= kBlockBytesMax && index_for(bytes) == index_of(block)) return block;
  void* const moved = allocate(bytes);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(bytes, ::malloc_usable_size(block)));
  release(block);
  return moved;
}

void MemoryPool::release(void* block) {
  if (block == nullptr) return;
  const std::size_t index = index_of(block);
  if (index >= kept_.size() || kept_[index].bytes + bytes_at(index) > kKeptBytesMax)
    return std::free(block);
  Kept& kept = kept_[index];
  kept.first = new (block) Free{kept.first};
  kept.bytes += bytes_at(index);
  statistics_.kept_bytes += bytes_at(index);
}

namespace {

// Needs no destructor: the last to go, when other objects of the thread still free their blocks.
thread_local constinit bool pool_is_gone = false;

struct ThreadPool {
  ~ThreadPool() { pool_is_gone = true; }

  MemoryPool pool;
};

// Until something uses it, a thread pays 2 KiB of zeros for it.
thread_local constinit ThreadPool here;

// Nobody calls them where the pools serve nobody.
[[maybe_unused]] void* allocate(std::size_t bytes) {
  return pool_is_gone ? std::malloc(bytes) : here.pool.allocate(bytes);
}

[[maybe_unused]] void* resize(void* block, std::size_t bytes) {
  return pool_is_gone ? std::realloc(block, bytes) : here.pool.resize(block, bytes);
}

[[maybe_unused]] void release(void* block) {
  pool_is_gone ? std::free(block) : here.pool.release(block);
}

}  // namespace

void serve_wolfssl_from_pools() {
  if constexpr (kMemoryIsPooled)
    ENSURE(wolfSSL_SetAllocators(allocate, release, resize) == 0, "wolfSSL refuses its allocators");
}

MemoryPool::Statistics memory_statistics() { return here.pool.statistics(); }

}  // namespace tls
