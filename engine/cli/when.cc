// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/when.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/cli/terminal.h"

namespace engine::cli {
namespace {

constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

}  // namespace

std::optional<std::int64_t> parse_time(std::string_view text) {
  const std::string copy(text);
  tm parts{};
  const char* rest = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr || !copy.ends_with('Z')) return std::nullopt;
  return ::timegm(&parts);
}

std::string span_text(std::int64_t seconds) {
  if (seconds < 2 * kMinute) return fmt::format("{} s", seconds);
  if (seconds < 2 * kHour) return fmt::format("{} min", seconds / kMinute);
  if (seconds < 2 * kDay) return fmt::format("{} h", seconds / kHour);
  return fmt::format("{} days", seconds / kDay);
}

std::string relative(std::string_view time, std::int64_t now) {
  const auto at = parse_time(time);
  if (!at) return std::string(time);
  return *at > now ? "in " + span_text(*at - now) : span_text(now - *at) + " ago";
}

std::string shown_time(const std::string& time) {
  if (columns_of(STDOUT_FILENO) == 0) return time;
  return relative(time, base::wall_now() / base::kSecond);
}

}  // namespace engine::cli
