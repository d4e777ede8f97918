// SPDX-License-Identifier: GPL-3.0-or-later
// Time as an argument: the loop reads the clock once a tick and hands the result down. Nothing else
// reads it.
#pragma once

#include <cstdint>

namespace engine::base {

// Nanoseconds on the monotonic clock. Zero means "no deadline" wherever a deadline is meant.
using Time = std::int64_t;

inline constexpr Time kMicrosecond = 1'000;
inline constexpr Time kMillisecond = 1'000'000;
inline constexpr Time kSecond = 1'000'000'000;
inline constexpr Time kNever = INT64_MAX;

// CLOCK_MONOTONIC through the vDSO.
Time monotonic_now() noexcept;

// Wall clock in nanoseconds since 1970-01-01T00:00:00Z, for log lines and for what clients are told; never for a deadline.
Time wall_now() noexcept;

}  // namespace engine::base
