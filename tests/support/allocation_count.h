// SPDX-License-Identifier: GPL-3.0-or-later
// Counts what a thread allocates with operator new, for tests that a warm path allocates nothing.
// Whoever calls this gets the counting operator new linked into the binary.
#pragma once

#include <cstdint>

namespace support {

// Allocations of the calling thread since it started.
[[nodiscard]] std::uint64_t allocation_count() noexcept;

}  // namespace support
