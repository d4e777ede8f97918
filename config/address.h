// SPDX-License-Identifier: GPL-3.0-or-later
// Addresses as text: host and port, listeners, address blocks. It never resolves a name.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "config/complaint.h"
#include "config/config.h"

namespace config {

struct HostPort {
  std::string host;  // lower case, without brackets
  std::optional<uint16_t> port;
};

// "host", "host:80", "[::1]:80", "[::1]", "10.0.0.1:80". Port 0 is refused.
std::expected<HostPort, Complaint> parse_host_port(std::string_view text);

// ":80", "127.0.0.1:8080", "[::1]:8080", "8080". Port 0 = any free port.
std::expected<Listener, Complaint> parse_listener(std::string_view text);

// An address or a block; bits beyond the prefix must be zero.
std::expected<Network, Complaint> parse_network(std::string_view text);

// A DNS name with valid labels (underscores allowed), or an IPv4 address.
std::optional<Complaint> check_host_name(std::string_view host);

bool is_ipv4(std::string_view text);
// The shortest form of an IPv6 address (RFC 5952); nothing when it is none.
std::optional<std::string> canonical_ipv6(std::string_view text);

}  // namespace config
