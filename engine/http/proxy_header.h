// SPDX-License-Identifier: GPL-3.0-or-later
// The PROXY protocol header, versions 1 and 2 (proxy-protocol.txt by HAProxy, section 2), at the
// very start of a connection. It says what the bytes claim; whether their sender may claim anything
// is the caller's question.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace engine::http {

// A longer header is Bad; so a buffer of this size always gets past Incomplete.
inline constexpr std::size_t kProxyHeaderBytesMax = 4096;

struct ProxyHeader {
  std::size_t bytes = 0;  // of the header: what comes behind it is the client's
  bool has_addresses =
      false;  // false: LOCAL, UNKNOWN, or not TCP over IP: keep the connection's own
  bool is_v6 = false;
  // Network order; an IPv4 address takes the first four.
  std::array<std::uint8_t, 16> source{}, destination{};
  std::uint16_t source_port = 0, destination_port = 0;  // host order, 0..65535
};

enum class ProxyHeaderStatus : std::uint8_t {
  None,        // these bytes start something else
  Incomplete,  // they may become a header
  Bad,         // they start like a header and cannot become one
  Complete,
};

struct ProxyHeaderResult {
  ProxyHeaderStatus status = ProxyHeaderStatus::Incomplete;
  ProxyHeader header;    // of Complete
  std::string_view why;  // of Bad; static storage
};

// `bytes` is everything since the connection's first octet. Any status but Incomplete is final:
// more bytes do not change the result. Strict, except that an IPv6 address may end in dotted form
// (::ffff:192.0.2.1), which HAProxy sends for mapped addresses. What follows the addresses of
// version 2 (TLVs, a checksum among them) is skipped unread.
[[nodiscard]] ProxyHeaderResult parse_proxy_header(std::string_view bytes) noexcept;

}  // namespace engine::http
