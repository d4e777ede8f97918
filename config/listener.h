// SPDX-License-Identifier: GPL-3.0-or-later
// One address to accept connections on.
#pragma once

#include <cstdint>
#include <string>

#include "config/position.h"

namespace config {

struct Listener {
  std::string host;  // numeric, without brackets; empty = every IPv4 and IPv6 address
  uint16_t port = 0;
  Position where;

  // ":80", "127.0.0.1:8080", "[::1]:8080"
  std::string text() const;
  // Only this machine can reach it.
  bool is_loopback() const;
};

}  // namespace config
