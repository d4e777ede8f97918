// SPDX-License-Identifier: GPL-3.0-or-later
// Which connections and requests a caller of the control API wants to see, and how it names a
// connection: text to values. It must not know workers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/control/refusal.h"
#include "engine/route/connection_view.h"
#include "engine/route/tap.h"

namespace engine::control {

using Query = std::map<std::string, std::string>;

// Names: state, site. A name that means nothing is refused, as it would filter nothing.
[[nodiscard]] std::expected<route::ConnectionFilter, Refusal> connection_filter_of(
    const Query& query);

// Names: site, status, method, path.
[[nodiscard]] std::expected<route::TapFilter, Refusal> tap_filter_of(const Query& query);

struct StatusRange {
  std::uint16_t min = 0;
  std::uint16_t max = 0;  // itself inside
  bool operator==(const StatusRange&) const = default;
};
// "502", "5xx", ">=400", ">399", "<500", "<=499"
[[nodiscard]] std::optional<StatusRange> parse_status_range(std::string_view text);

struct ConnectionId {
  std::size_t worker = 0;
  std::uint64_t number = 0;
  bool operator==(const ConnectionId&) const = default;
};
// "1-2fa03": the worker, and the number in hexadecimal digits.
[[nodiscard]] std::string id_of(ConnectionId connection);
[[nodiscard]] std::optional<ConnectionId> parse_connection_id(std::string_view text);

}  // namespace engine::control
