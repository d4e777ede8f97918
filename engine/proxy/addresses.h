// SPDX-License-Identifier: GPL-3.0-or-later
// The client's address as text, and whether it may speak for others.
#pragma once

namespace engine::proxy {

class Worker;
struct ClientInfo;

// Asks the kernel for the peer of `socket` and fills in all but the local port.
void describe_client(Worker& worker, int socket, ClientInfo& client);

}  // namespace engine::proxy
