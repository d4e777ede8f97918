// SPDX-License-Identifier: GPL-3.0-or-later
// Strict HTTP/1 heads (RFC 9112): bytes in, a parsed head or a refusal out. Allocates nothing,
// keeps nothing between calls but one number of the caller's. Knows no socket and no clock.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/error.h"
#include "engine/http/head.h"

namespace engine::http {

enum class HeadStatus : std::uint8_t { Incomplete, Complete, Bad };

struct HeadResult {
  HeadStatus status = HeadStatus::Incomplete;
  // Complete: bytes of the head. Incomplete: empty lines before a request line that may be thrown
  // away.
  std::uint32_t consumed = 0;
  base::Cause cause = base::Cause::None;  // of Bad
  std::string_view why = {};              // of Bad: short static text for the log
};

// Empty lines tolerated before a request line, counted over one call's bytes.
inline constexpr std::uint32_t kEmptyLinesMax = 8;

// `bytes` starts where the head starts and holds all that has arrived. `scanned` is 0 for a new
// head and otherwise what the last call left there, so that byte by byte arrival costs linear time;
// when the caller throws away the `consumed` bytes of an Incomplete result it sets `scanned` to 0
// again. The slices of `head` point into `bytes`; its fields lie in `storage`.
[[nodiscard]] HeadResult parse_request(std::string_view bytes, std::uint32_t& scanned,
                                       const HeadLimits& limits, HeadStorage& storage,
                                       RequestHead& head) noexcept;

// `request_method` and `upgrade_asked` are of the request this answers: they decide about the body
// and about a 101. Interim (1xx) heads are Complete with `head.interim()`.
[[nodiscard]] HeadResult parse_response(std::string_view bytes, std::uint32_t& scanned,
                                        const HeadLimits& limits, HeadStorage& storage,
                                        Method request_method, bool upgrade_asked,
                                        ResponseHead& head) noexcept;

}  // namespace engine::http
