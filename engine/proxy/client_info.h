// SPDX-License-Identifier: GPL-3.0-or-later
// What is known of a client before its first request.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace engine::proxy {

struct ClientInfo {
  std::array<char, 64> address_text{};
  std::uint8_t address_length = 0;
  std::uint16_t port = 0;        // of the client
  std::uint16_t local_port = 0;  // it connected to
  bool trusted = false;          // in [trust] proxies
  std::string_view tls;          // "1.2" or "1.3"; empty without TLS

  [[nodiscard]] std::string_view address() const { return {address_text.data(), address_length}; }
};

}  // namespace engine::proxy
