// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/h2_abuse.h"

#include <algorithm>

namespace engine::http {
namespace {

constexpr base::Time per_second(base::Time count) { return base::kSecond / count; }

// A browser cancels all its streams at each navigation, and a client that does not know our limit
// of streams yet may pass it once by hundreds; both come in bursts and then rest. Nobody honest
// comes near the others.
constexpr std::array<H2Abuse::Rule, static_cast<std::size_t>(H2Abuse::Kind::kCount)> kRules = {{
    {"peer_reset", "streams reset too often", 500, per_second(50)},
    {"provoked_reset", "too many faulty or refused streams", 300, per_second(20)},
    {"ping", "too many PING frames", 200, per_second(20)},
    {"settings", "too many SETTINGS frames", 50, per_second(2)},
    {"priority", "too many PRIORITY frames", 1000, per_second(100)},
    {"empty_frame", "too many empty frames", 200, per_second(20)},
    {"window_update", "too many WINDOW_UPDATE frames", 4000, per_second(500)},
    {"small_window", "a window of a few bytes at a time", 500, per_second(20)},
    {"other_frame", "too many frames of unknown types", 1000, per_second(100)},
    {"header_block", "a header block without end", 0, base::kSecond},
    {"unread", "replies to control frames are not read", 0, base::kSecond},
}};

}  // namespace

const H2Abuse::Rule& H2Abuse::rule(Kind kind) noexcept {
  return kRules[static_cast<std::size_t>(kind)];
}

bool H2Abuse::spend(Kind kind, base::Time now) noexcept {
  Meter& meter = meters_[static_cast<std::size_t>(kind)];
  const Rule& allowed = rule(kind);
  ++meter.count;
  meter.whole_at = std::max(meter.whole_at, now) + allowed.refill;
  return meter.whole_at - now <= allowed.refill * allowed.budget;
}

void H2Abuse::earn(Kind kind, std::uint32_t amount, base::Time now) noexcept {
  Meter& meter = meters_[static_cast<std::size_t>(kind)];
  meter.whole_at = std::max(meter.whole_at - rule(kind).refill * amount, now);
}

}  // namespace engine::http
