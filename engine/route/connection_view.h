// SPDX-License-Identifier: GPL-3.0-or-later
// A client's connection as its worker describes it to control: a copy of plain values, made when
// somebody asks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"

namespace engine::route {

struct ConnectionView {
  enum class State : std::uint8_t { Idle, Active, Closing };
  // Unknown: its first bytes are not there yet, or TLS is not.
  enum class Protocol : std::uint8_t { Unknown, Http1, Http2, Tunnel, Passthrough };
  static constexpr std::array<std::string_view, 3> kStateNames = {"idle", "active", "closing"};
  static constexpr std::array<std::string_view, 5> kProtocolNames = {"unknown", "h1", "h2",
                                                                     "tunnel", "passthrough"};

  std::uint64_t number = 0;  // of this worker's connections; never used again
  std::string client;        // "192.0.2.7:5555", "[2001:db8::1]:5555"
  std::uint16_t port = 0;    // that it connected to
  State state = State::Idle;
  Protocol protocol = Protocol::Unknown;
  std::string tls, alpn, server_name;  // "1.3"; empty without TLS, or where there is none
  base::Time age = 0;                  // nanoseconds since it was accepted
  base::Time idle = 0;                 // since bytes of an exchange moved, or the last one ended
  std::uint64_t requests = 0;          // with those that go on
  std::uint32_t streams = 0;           // exchanges that go on
  std::string site, service, target;   // of the newest of them
  std::uint64_t bytes_in = 0, bytes_out = 0;  // payload of all of them, so far
};

struct ConnectionFilter {
  std::optional<ConnectionView::State> state;
  std::string site;  // empty: any

  [[nodiscard]] bool shows(const ConnectionView& view) const {
    return (!state || view.state == *state) && (site.empty() || view.site == site);
  }
};

}  // namespace engine::route
