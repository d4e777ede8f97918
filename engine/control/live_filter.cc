// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/live_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>

namespace engine::control {
namespace {

constexpr std::uint16_t kStatusMax = 999;

template <class Number>
std::optional<Number> parse(std::string_view text, int base) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Refusal wrong(std::string field, std::string detail, std::string hint) {
  return {.status = 400,
          .detail = std::move(detail),
          .hint = std::move(hint),
          .field = std::move(field)};
}

std::optional<Refusal> unknown_name(const Query& query,
                                    std::initializer_list<std::string_view> names) {
  for (const auto& [name, value] : query) {
    if (std::ranges::find(names, name) == names.end())
      return wrong(name, "\"" + name + "\" filters nothing",
                   fmt::format("there is: {}", fmt::join(names, ", ")));
  }
  return std::nullopt;
}

std::string value_of(const Query& query, const char* name) {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

}  // namespace

std::expected<route::ConnectionFilter, Refusal> connection_filter_of(const Query& query) {
  using View = route::ConnectionView;
  if (auto refusal = unknown_name(query, {"state", "site"}))
    return std::unexpected(std::move(*refusal));
  route::ConnectionFilter filter{.site = value_of(query, "site")};
  const std::string state = value_of(query, "state");
  if (state.empty()) return filter;
  const auto named = std::ranges::find(View::kStateNames, state);
  if (named == View::kStateNames.end())
    return std::unexpected(wrong("state", "no connection is \"" + state + "\"",
                                 fmt::format("one of {}", fmt::join(View::kStateNames, ", "))));
  filter.state = static_cast<View::State>(named - View::kStateNames.begin());
  return filter;
}

std::expected<route::TapFilter, Refusal> tap_filter_of(const Query& query) {
  if (auto refusal = unknown_name(query, {"site", "status", "method", "path"}))
    return std::unexpected(std::move(*refusal));
  route::TapFilter filter{.site = value_of(query, "site"),
                          .method = value_of(query, "method"),
                          .path = value_of(query, "path")};
  const std::string status = value_of(query, "status");
  if (status.empty()) return filter;
  const auto range = parse_status_range(status);
  if (!range)
    return std::unexpected(
        wrong("status", "\"" + status + "\" is no status", "502, 5xx, >=400, >399, <500 or <=499"));
  filter.status_min = range->min;
  filter.status_max = range->max;
  return filter;
}

std::optional<StatusRange> parse_status_range(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("<>="), text.size());
  const std::string_view sign = text.substr(0, digits);
  text.remove_prefix(digits);
  if (sign.empty() && text.size() == 3 && text.ends_with("xx")) {
    const auto hundred = parse<std::uint16_t>(text.substr(0, 1), 10);
    if (!hundred) return std::nullopt;
    const auto min = static_cast<std::uint16_t>(*hundred * 100);
    return StatusRange{min, static_cast<std::uint16_t>(min + 99)};
  }
  const auto status = parse<std::uint16_t>(text, 10);
  if (!status || *status > kStatusMax) return std::nullopt;
  if (sign.empty()) return StatusRange{*status, *status};
  if (sign == ">=") return StatusRange{*status, kStatusMax};
  if (sign == ">") return StatusRange{static_cast<std::uint16_t>(*status + 1), kStatusMax};
  if (sign == "<=") return StatusRange{0, *status};
  if (sign == "<" && *status > 0) return StatusRange{0, static_cast<std::uint16_t>(*status - 1)};
  return std::nullopt;
}

std::string id_of(ConnectionId connection) {
  return fmt::format("{}-{:x}", connection.worker, connection.number);
}

std::optional<ConnectionId> parse_connection_id(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == text.npos) return std::nullopt;
  const auto worker = parse<std::size_t>(text.substr(0, dash), 10);
  const auto number = parse<std::uint64_t>(text.substr(dash + 1), 16);
  if (!worker || !number) return std::nullopt;
  return ConnectionId{*worker, *number};
}

}  // namespace engine::control
