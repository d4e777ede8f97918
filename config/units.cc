// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/units.h"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "config/text.h"

namespace config {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

constexpr std::array kTimeUnits = {Unit{"ms", 1}, Unit{"s", 1'000}, Unit{"m", 60'000},
                                   Unit{"h", 3'600'000}, Unit{"d", 86'400'000}};
constexpr std::array kSizeUnits = {
    Unit{"B", 1},      Unit{"KiB", 1ull << 10}, Unit{"MiB", 1ull << 20},  Unit{"GiB", 1ull << 30},
    Unit{"KB", 1'000}, Unit{"MB", 1'000'000},   Unit{"GB", 1'000'000'000}};
// Of several names for one period the last is how it is shown.
constexpr std::array kPeriods = {Unit{"s", 1'000}, Unit{"m", 60'000}, Unit{"min", 60'000},
                                 Unit{"h", 3'600'000}};

// Two years: the max-age that browsers' lists of https-only sites ask for.
constexpr uint64_t kLongestMs = 730ull * 86'400'000;

// Nine digits after the point are exact in 64 bits for every unit above.
constexpr std::size_t kFractionDigits = 9;

// number[.fraction] of `factor`; nothing when it overflows or is not a whole number of base units.
std::optional<uint64_t> scaled(std::string_view number, uint64_t factor) {
  std::size_t point = number.find('.');
  std::optional<uint64_t> whole = parse_number<uint64_t>(number.substr(0, point));
  if (!whole || (*whole != 0 && *whole > std::numeric_limits<int64_t>::max() / factor)) return {};
  uint64_t value = *whole * factor;
  if (point == std::string_view::npos) return value;

  std::string_view digits = number.substr(point + 1);
  if (!is_digits(digits) || digits.size() > kFractionDigits) return {};
  uint64_t scale = 1;
  for (std::size_t i = 0; i < digits.size(); ++i) scale *= 10;
  uint64_t part = *parse_number<uint64_t>(digits) * factor;
  if (part % scale != 0) return {};
  return value + part / scale;
}

template <std::size_t Count>
std::optional<uint64_t> parse_with(std::string_view text, const std::array<Unit, Count>& units) {
  std::size_t end = text.find_first_not_of("0123456789.");
  if (end == std::string_view::npos) return {};
  for (const Unit& unit : units) {
    if (text.substr(end) == unit.name) return scaled(text.substr(0, end), unit.factor);
  }
  return {};
}

// The number somebody meant in "30", "30 s" or "30sec"; else a usual one.
std::string_view number_in(std::string_view written, std::string_view otherwise) {
  std::size_t end = written.find_first_not_of("0123456789");
  std::string_view digits = written.substr(0, end);
  return digits.empty() || digits.size() > 6 ? otherwise : digits;
}

}  // namespace

std::optional<Milliseconds> parse_duration(std::string_view text) {
  std::optional<uint64_t> value = parse_with(text, kTimeUnits);
  if (!value || *value > kLongestMs) return std::nullopt;
  return Milliseconds(static_cast<int64_t>(*value));
}

std::optional<uint64_t> parse_size(std::string_view text) { return parse_with(text, kSizeUnits); }

std::optional<Rate> parse_rate(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<uint64_t> count = parse_number<uint64_t>(text.substr(0, slash));
  for (const Unit& period : kPeriods) {
    if (count && text.substr(slash + 1) == period.name)
      return Rate{*count, Milliseconds(static_cast<int64_t>(period.factor))};
  }
  return std::nullopt;
}

std::string format_rate(const Rate& rate) {
  std::string_view name;
  for (const Unit& period : kPeriods) {
    if (static_cast<uint64_t>(rate.per.count()) == period.factor) name = period.name;
  }
  return fmt::format("{}/{}", rate.count, name);
}

std::string format_duration(Milliseconds duration) {
  auto value = static_cast<uint64_t>(duration.count());
  if (value == 0) return "0s";
  for (std::size_t i = kTimeUnits.size(); i-- > 0;) {
    if (value % kTimeUnits[i].factor == 0) {
      return fmt::format("{}{}", value / kTimeUnits[i].factor, kTimeUnits[i].name);
    }
  }
  return {};
}

std::string not_a_duration(std::string_view written) {
  return fmt::format("{} is not a duration – write \"{}s\", \"500ms\" or \"2m\"",
                     in_quotes(written), number_in(written, "30"));
}

std::string not_a_rate(std::string_view written) {
  return fmt::format("{} is not a rate – write \"{}/s\", \"100/min\" or \"100/h\"",
                     in_quotes(written), number_in(written, "100"));
}

std::string not_a_size(std::string_view written) {
  return fmt::format("{} is not a size – write \"{}MiB\", \"64KiB\" or a number of bytes",
                     in_quotes(written), number_in(written, "20"));
}

}  // namespace config
