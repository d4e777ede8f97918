// SPDX-License-Identifier: GPL-3.0-or-later
// SHA-1 and base64 as the WebSocket handshake needs them (RFC 6455 section 4.2.2). Not for
// security: the handshake proves only that the peer speaks WebSocket.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace engine::cli {

[[nodiscard]] std::array<std::uint8_t, 20> sha1(std::string_view message);
[[nodiscard]] std::string base64(std::string_view bytes);

// Sec-WebSocket-Accept for a Sec-WebSocket-Key.
[[nodiscard]] std::string websocket_accept(std::string_view key);

}  // namespace engine::cli
