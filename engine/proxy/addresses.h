// SPDX-License-Identifier: GPL-3.0-or-later
// The client's address as text, and whether it may speak for others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/http/proxy_header.h"

namespace engine::proxy {

class Worker;
struct ClientInfo;

// Asks the kernel for the peer of `socket` and fills in all but the local port.
void describe_client(Worker& worker, int socket, ClientInfo& client);

// The client behind a proxy, from that proxy's header.
void describe_client(Worker& worker, const http::ProxyHeader& header, ClientInfo& client);

// A client as a field of its request names it, in place.
struct NamedClient {
  std::string_view address;  // IPv6 without brackets
  std::uint16_t port = 0;    // 0: not told
};

// "192.0.2.7", "192.0.2.7:4711", "2001:db8::7", "[2001:db8::7]:4711"; nothing when it is no address.
[[nodiscard]] std::optional<NamedClient> named_client(std::string_view value);

// The address that a client of `socket` has connected to, without the port; empty when the kernel
// no longer knows.
[[nodiscard]] std::string local_address(Worker& worker, int socket);

}  // namespace engine::proxy
