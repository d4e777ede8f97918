// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/allocation_count.h"

#include <cstdlib>
#include <new>

namespace support {
namespace {

thread_local std::uint64_t allocations = 0;

}  // namespace

std::uint64_t allocation_count() noexcept { return allocations; }

namespace {

void* counted(void* memory) {
  ++allocations;
  if (memory == nullptr) std::abort();
  return memory;
}

std::size_t rounded(std::size_t bytes, std::align_val_t alignment) {
  const auto step = static_cast<std::size_t>(alignment);
  return (bytes + step - 1) / step * step;
}

}  // namespace
}  // namespace support

// The other forms (arrays, nothrow, sized) call these by default.
void* operator new(std::size_t bytes) {
  return support::counted(std::malloc(bytes == 0 ? 1 : bytes));
}

void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return support::counted(
      std::aligned_alloc(static_cast<std::size_t>(alignment), support::rounded(bytes, alignment)));
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
