// SPDX-License-Identifier: GPL-3.0-or-later
// The client's address as text, and whether it may speak for others.
#pragma once

#include <string>

#include "engine/http/proxy_header.h"

namespace engine::proxy {

class Worker;
struct ClientInfo;

// Asks the kernel for the peer of `socket` and fills in all but the local port.
void describe_client(Worker& worker, int socket, ClientInfo& client);

// The client behind a proxy, from that proxy's header.
void describe_client(Worker& worker, const http::ProxyHeader& header, ClientInfo& client);

// The address that a client of `socket` has connected to, without the port; empty when the kernel
// no longer knows.
[[nodiscard]] std::string local_address(Worker& worker, int socket);

}  // namespace engine::proxy
