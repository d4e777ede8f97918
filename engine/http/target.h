// SPDX-License-Identifier: GPL-3.0-or-later
// Hosts and paths (RFC 3986): what is valid, and the normalised copy of a path that routes are
// matched with. Forwarding uses the bytes as they were written, never these copies.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace engine::http {

struct HostPort {
  std::string_view host;   // as written; an IPv6 literal keeps its brackets
  std::uint16_t port = 0;  // 0: none was given ("host" or "host:")
};

// host [":" port]: a name, an IPv4 address or a bracketed IPv6 address; no userinfo, port 1..65535.
[[nodiscard]] std::optional<HostPort> split_host_port(std::string_view authority) noexcept;
[[nodiscard]] bool valid_host(std::string_view authority) noexcept;

// The host of a valid authority, without its port.
[[nodiscard]] std::string_view host_of(std::string_view authority) noexcept;

// Whether every '%' is followed by two hex digits.
[[nodiscard]] bool valid_escapes(std::string_view path) noexcept;

// The path for matching: %XX of unreserved characters decoded, dot segments (also as %2e) resolved
// and never above the root, everything else untouched ("//" stays). Returns `path` itself when
// there is nothing to do. `scratch` must hold path.size() bytes, else the result is empty: match
// nothing then.
[[nodiscard]] std::string_view normalise_path(std::string_view path,
                                              std::span<char> scratch) noexcept;

// "/v1" taken from "/v1/users" leaves "/users"; what does not start with it, on a segment boundary,
// stays.
[[nodiscard]] std::string_view strip_prefix(std::string_view path,
                                            std::string_view prefix) noexcept;

}  // namespace engine::http
