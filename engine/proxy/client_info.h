// SPDX-License-Identifier: GPL-3.0-or-later
// What is known of a client before its first request.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace engine::proxy {

struct ClientInfo {
  std::array<char, 46> address_text{};  // INET6_ADDRSTRLEN
  std::uint8_t address_length = 0;
  std::uint16_t port = 0;        // of the client
  std::uint16_t local_port = 0;  // it connected to
  bool trusted = false;          // in [trust] proxies
  std::uint8_t tls_minor = 0;    // 3 for TLS 1.3; 0 without TLS

  [[nodiscard]] bool secure() const { return tls_minor != 0; }

  [[nodiscard]] std::string_view address() const { return {address_text.data(), address_length}; }
};

}  // namespace engine::proxy
