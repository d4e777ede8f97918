// SPDX-License-Identifier: GPL-3.0-or-later
// The octets that /bytes/N sends: one static block, so that a transfer of any size costs no
// generation. Each line of 64 names its own offset, so a piece that went missing or moved is seen
// in the data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace engine::cli {

inline constexpr std::size_t kPatternBlockBytes = 256 * 1024;

// From `offset` of the endless pattern (it repeats after a block) to the end of the block.
[[nodiscard]] std::string_view pattern_at(std::uint64_t offset) noexcept;

}  // namespace engine::cli
