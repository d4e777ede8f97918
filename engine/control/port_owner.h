// SPDX-License-Identifier: GPL-3.0-or-later
// Who listens on a TCP port of this machine, as far as /proc tells: for the message that says the
// port is taken.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace engine::control {

// "nginx, pid 1234", or empty when nobody is found or the processes are not ours to look at.
[[nodiscard]] std::string find_port_owner(std::uint16_t port);

// The inodes of listening sockets on `port` in the text of /proc/net/tcp or /proc/net/tcp6.
[[nodiscard]] std::set<std::string> listening_inodes(std::string_view table, std::uint16_t port);

}  // namespace engine::control
