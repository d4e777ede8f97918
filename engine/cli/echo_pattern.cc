// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/echo_pattern.h"

#include <algorithm>
#include <array>

namespace engine::cli {
namespace {

constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kDigits = 8;
constexpr std::string_view kFiller = " abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\n";
static_assert(kDigits + kFiller.size() <= kLineBytes);

using Block = std::array<char, kPatternBlockBytes>;

// "00000040........ abc…XYZ\n": the offset in hex, dots up to the width of a line, the filler.
Block make_block() {
  constexpr std::string_view kHex = "0123456789abcdef";
  Block block;
  for (std::size_t at = 0; at < block.size(); at += kLineBytes) {
    char* line = block.data() + at;
    std::fill(line, line + kLineBytes, '.');
    for (std::size_t digit = 0; digit < kDigits; ++digit) {
      line[digit] = kHex[(at >> (4 * (kDigits - 1 - digit))) & 15];
    }
    std::copy(kFiller.begin(), kFiller.end(), line + kLineBytes - kFiller.size());
  }
  return block;
}

}  // namespace

std::string_view pattern_at(std::uint64_t offset) noexcept {
  static const Block block = make_block();
  return std::string_view(block.data(), block.size()).substr(offset % kPatternBlockBytes);
}

}  // namespace engine::cli
