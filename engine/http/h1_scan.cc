// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/h1_scan.h"

#include <algorithm>

namespace engine::http {
namespace {

// Set in `scanned` once the first line was complete, and found good.
constexpr std::uint32_t kFirstLineSeen = 1U << 31;

}  // namespace

HeadWindow window_of(std::size_t bytes, const HeadLimits& limits) noexcept {
  const std::size_t head_max = limits.head_bytes;
  const std::size_t line_max = std::min<std::size_t>(std::size_t{limits.line_bytes} + 2, head_max);
  return {.line = std::min(bytes, line_max),
          .head = std::min(bytes, head_max),
          .fields = std::min<std::size_t>(limits.field_count, HeadStorage::kFieldsMax),
          .line_cut = bytes >= line_max,
          .head_cut = bytes >= head_max};
}

bool worth_parsing(std::string_view bytes, std::uint32_t scanned,
                   const HeadLimits& limits) noexcept {
  if (scanned == 0) return true;
  const bool first_line_seen = (scanned & kFirstLineSeen) != 0;
  const HeadWindow window = window_of(bytes.size(), limits);
  if (window.head_cut || (window.line_cut && !first_line_seen)) return true;
  std::size_t at = bytes.find('\n', scanned & ~kFirstLineSeen);
  for (; at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    if (!first_line_seen || at == 0 || bytes[at - 1] != '\r') return true;
    if (at >= 2 && bytes[at - 2] == '\n') return true;
  }
  return false;
}

void note_scanned(std::string_view bytes, std::uint32_t& scanned) noexcept {
  const bool seen = (scanned & kFirstLineSeen) != 0 ||
                    bytes.find('\n', scanned & ~kFirstLineSeen) != std::string_view::npos;
  scanned = static_cast<std::uint32_t>(bytes.size()) | (seen ? kFirstLineSeen : 0);
}

}  // namespace engine::http
