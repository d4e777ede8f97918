// SPDX-License-Identifier: GPL-3.0-or-later
// Whose X-Forwarded-* is believed: a list of address ranges. Nobody by default.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/route/target.h"

namespace engine::route {

// Whether the connections of trusted proxies begin with a PROXY header.
enum class ProxyProtocol : std::uint8_t { Off, Optional, Required };

class TrustList {
 public:
  // "10.0.0.0/8", "127.0.0.1", "2001:db8::/32"; bits behind the prefix are ignored. False when it
  // is no such range.
  bool add(std::string_view range);
  // Unix socket peers are never in a range. IPv4-mapped IPv6 addresses count as IPv4, and "::/0"
  // holds no IPv4.
  [[nodiscard]] bool contains(const Address& peer) const noexcept;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }

  bool operator==(const TrustList&) const = default;

 private:
  struct Range {
    std::array<std::uint8_t, 16> bytes{};  // IPv4 as IPv4-mapped
    std::uint8_t prefix_bits = 0;          // of the 128
    bool operator==(const Range&) const = default;
  };
  std::vector<Range> ranges_;
};

}  // namespace engine::route
