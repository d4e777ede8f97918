// SPDX-License-Identifier: GPL-3.0-or-later
// When a head that arrives in pieces is worth parsing, so that byte by byte arrival stays linear,
// and how much of the bytes its limits let the parser see.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/http/head.h"

namespace engine::http {

// What the parser may look at: `line` bytes for the first line, `head` bytes in all. A window that
// was cut by its limit, and not by the end of what arrived, makes "not complete" mean "too large".
struct HeadWindow {
  std::size_t line, head, fields;
  bool line_cut, head_cut;
};

[[nodiscard]] HeadWindow window_of(std::size_t bytes, const HeadLimits& limits) noexcept;

// `scanned` is of parse_request: 0 means "never looked", then parsing at once is best since most
// heads arrive whole. Later only what a new byte could change counts: a first line, an end, a bare
// LF, a limit.
[[nodiscard]] bool worth_parsing(std::string_view bytes, std::uint32_t scanned,
                                 const HeadLimits& limits) noexcept;

// Remembers that all of `bytes` were looked at and are not complete.
void note_scanned(std::string_view bytes, std::uint32_t& scanned) noexcept;

}  // namespace engine::http
