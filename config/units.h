// SPDX-License-Identifier: GPL-3.0-or-later
// Durations, sizes and rates as people write them. It must not know which setting they are for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"

namespace config {

// "500ms", "30s", "2m", "1h", "365d", "1.5s"; at most 730 d. Nothing when it is anything else.
std::optional<Milliseconds> parse_duration(std::string_view text);

// "512B", "64KiB", "20MiB", "1GiB", "64KB", "1MB", "1GB". Nothing when it is anything else.
std::optional<uint64_t> parse_size(std::string_view text);

// "100/s", "100/m", "100/min", "100/h". Nothing when it is anything else.
std::optional<Rate> parse_rate(std::string_view text);
// "100/s", "100/min" or "100/h", which parse_rate reads back.
std::string format_rate(const Rate& rate);

// The shortest exact form that parse_duration reads back: "30s", "1500ms", "0s".
std::string format_duration(Milliseconds duration);

// `"30" is not a duration – write "30s", "500ms" or "2m"`
std::string not_a_duration(std::string_view written);
std::string not_a_size(std::string_view written);
std::string not_a_rate(std::string_view written);

}  // namespace config
