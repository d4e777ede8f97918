// SPDX-License-Identifier: GPL-3.0-or-later
// The handshake of WebSocket over HTTP/1 (RFC 6455 section 4): SHA-1 is not for security there, it
// proves only that the peer speaks WebSocket.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace engine::http {

// A Sec-WebSocket-Key of these random bits.
[[nodiscard]] std::string websocket_key(const std::array<std::uint64_t, 2>& random);

// Sec-WebSocket-Accept for a Sec-WebSocket-Key.
[[nodiscard]] std::string websocket_accept(std::string_view key);

}  // namespace engine::http
