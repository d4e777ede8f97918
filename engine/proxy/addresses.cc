// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/addresses.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

#include "engine/proxy/h1_session.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {

void describe_client(Worker& worker, int socket, ClientInfo& client) {
  route::Address peer;
  peer.length = worker.ring().peer_address(socket, peer.storage);
  if (peer.length == 0) return;
  char* text = client.address_text.data();
  const auto room = static_cast<socklen_t>(client.address_text.size());
  if (peer.family() == AF_INET) {
    const auto& ip = reinterpret_cast<const sockaddr_in&>(peer.storage);
    inet_ntop(AF_INET, &ip.sin_addr, text, room);
    client.port = ntohs(ip.sin_port);
  } else if (peer.family() == AF_INET6) {
    const auto& ip = reinterpret_cast<const sockaddr_in6&>(peer.storage);
    inet_ntop(AF_INET6, &ip.sin6_addr, text, room);
    client.port = ntohs(ip.sin6_port);
  }
  client.address_length = static_cast<std::uint8_t>(std::strlen(text));
  client.trusted = worker.snapshot().trust->contains(peer);
}

}  // namespace engine::proxy
