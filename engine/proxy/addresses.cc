// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/addresses.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>
#include <span>

#include "engine/http/target.h"
#include "engine/proxy/client_info.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

// Returns the port. `text` stays empty for what is no IP address.
std::uint16_t write_address(const route::Address& address, std::span<char> text) {
  const auto room = static_cast<socklen_t>(text.size());
  if (address.family() == AF_INET) {
    const auto& ip = reinterpret_cast<const sockaddr_in&>(address.storage);
    inet_ntop(AF_INET, &ip.sin_addr, text.data(), room);
    return ntohs(ip.sin_port);
  }
  if (address.family() != AF_INET6) return 0;
  const auto& ip = reinterpret_cast<const sockaddr_in6&>(address.storage);
  inet_ntop(AF_INET6, &ip.sin6_addr, text.data(), room);
  return ntohs(ip.sin6_port);
}

void describe(Worker& worker, const route::Address& peer, ClientInfo& client) {
  client.port = write_address(peer, client.address_text);
  client.address_length = static_cast<std::uint8_t>(std::strlen(client.address_text.data()));
  client.trusted = worker.snapshot().trust->contains(peer);
}

}  // namespace

void describe_client(Worker& worker, int socket, ClientInfo& client) {
  route::Address peer;
  peer.length = worker.ring().peer_address(socket, peer.storage);
  if (peer.length > 0) describe(worker, peer, client);
}

void describe_client(Worker& worker, const http::ProxyHeader& header, ClientInfo& client) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(header.is_v6 ? AF_INET6 : AF_INET, header.source.data(), text.data(), text.size());
  route::Address peer;
  if (!route::Address::parse_ip(text.data(), header.source_port, peer)) return;
  describe(worker, peer, client);
  client.local_port = header.destination_port;
}

std::optional<NamedClient> named_client(std::string_view value) {
  NamedClient client{.address = value};
  if (const auto split = http::split_host_port(value))
    client = {.address = split->host, .port = split->port};
  route::Address address;
  if (!route::Address::parse_ip(client.address, client.port, address)) return std::nullopt;
  if (client.address.starts_with('['))
    client.address = client.address.substr(1, client.address.size() - 2);
  return client;
}

std::string local_address(Worker& worker, int socket) {
  route::Address local;
  local.length = worker.ring().local_address(socket, local.storage);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (local.length > 0) write_address(local, text);
  return text.data();
}

}  // namespace engine::proxy
