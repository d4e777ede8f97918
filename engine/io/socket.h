// SPDX-License-Identifier: GPL-3.0-or-later
// Listening sockets and the options that accepted sockets inherit from them.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <expected>
#include <string>

namespace engine::io {

// Opens, binds and listens with SO_REUSEADDR and SO_REUSEPORT; accepted sockets inherit NODELAY,
// KEEPALIVE and USER_TIMEOUT, so none is set per connection. Returns the descriptor, or the errno.
std::expected<int, int> open_listener(const sockaddr* address, socklen_t length, int backlog);

// Whether somebody else listens at `address` without SO_REUSEPORT, or with it in another process of
// ours: with that option a second engine would bind and quietly share the port.
[[nodiscard]] bool is_taken(const sockaddr* address, socklen_t length);

// For a socket that connects to a target over TCP.
void set_tcp_options(int socket);

// Raises the soft limit of open files to the hard one; returns the limit in force.
std::uint64_t raise_descriptor_limit();

}  // namespace engine::io
