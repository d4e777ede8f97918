// SPDX-License-Identifier: GPL-3.0-or-later
// What a client says before anything is encrypted: the server name in its ClientHello, looked at
// without consuming it and without wolfSSL. Whether the rest is acceptable is for the session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tls {

enum class HelloStatus : std::uint8_t { Incomplete, Bad, Complete };

struct ClientHello {
  HelloStatus status = HelloStatus::Incomplete;
  // In lower case, in the caller's storage; 1..255 of [a-z0-9-_.] without empty labels, so an IPv4
  // address may be among them. Empty when the client sent none.
  std::string_view server_name;
  std::string_view why;  // of Bad; static storage
};

// Counted from the connection's first octet, record headers included; a hello that would end later
// is Bad.
inline constexpr std::size_t kClientHelloBytesMax = 16 * 1024;

// `bytes` is everything since the connection's first octet; what is behind the hello is not looked
// at. A hello may be split over records (RFC 8446 section 5.1). Anything but Incomplete is final:
// more bytes do not change the result. `storage` is overwritten: scratch space for the joined
// message, and the name at last.
[[nodiscard]] ClientHello peek_client_hello(std::string_view bytes, std::string& storage);

}  // namespace tls
