// SPDX-License-Identifier: GPL-3.0-or-later
// Times and spans as people say them. It must not know what happened then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace engine::cli {

// Seconds since 1970 of an RFC 3339 time in UTC, "2026-11-21T20:32:34Z", its fraction left out.
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text);

// "45 s", "3 min", "2 h", "12 days".
[[nodiscard]] std::string span_text(std::int64_t seconds);

// "3 min ago", "in 40 days"; `time` itself when it is no time.
[[nodiscard]] std::string relative(std::string_view time, std::int64_t now);

// relative() to now where people look (a terminal), else `time` as it is.
[[nodiscard]] std::string shown_time(const std::string& time);

}  // namespace engine::cli
