// SPDX-License-Identifier: GPL-3.0-or-later
// What is known of a client before its first request.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "tls/session.h"

namespace engine::proxy {

struct ClientInfo {
  std::array<char, 46> address_text{};  // INET6_ADDRSTRLEN
  std::uint8_t address_length = 0;
  std::uint16_t port = 0;             // of the client
  std::uint16_t local_port = 0;       // it connected to
  bool trusted = false;               // in [trust] proxies
  std::uint8_t tls_minor = 0;         // 3 for TLS 1.3; 0 without TLS
  const tls::Session* tls = nullptr;  // its connection's; null without

  [[nodiscard]] bool secure() const { return tls_minor != 0; }
  // Whether it has shown what a site asks for (route::Service::client_ca).
  [[nodiscard]] bool verified_by(const tls::Digest& client_ca) const {
    return client_ca == tls::Digest{} || (tls != nullptr && tls->client_ca() == client_ca);
  }
  // Of its certificate (tls::holder_of); empty when none was asked for, or it names nobody.
  [[nodiscard]] std::string_view certificate_name() const {
    return tls != nullptr ? tls->peer_name() : std::string_view();
  }

  [[nodiscard]] std::string_view address() const { return {address_text.data(), address_length}; }
};

}  // namespace engine::proxy
