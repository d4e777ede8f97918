// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/target.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <utility>

#include "engine/base/check.h"
#include "engine/route/hash.h"

namespace engine::route {
namespace {

// Copies out what the storage holds: no pointer of another type is ever dereferenced.
template <typename SocketAddress>
SocketAddress as(const Address& address) {
  SocketAddress copy;
  std::memcpy(&copy, &address.storage, sizeof copy);
  return copy;
}

template <typename SocketAddress>
void store(const SocketAddress& from, std::size_t length, Address& out) {
  static_assert(sizeof from <= sizeof out.storage);
  out = Address{};
  std::memcpy(&out.storage, &from, sizeof from);
  out.length = static_cast<socklen_t>(length);
}

std::string_view unix_path(const Address& address) {
  constexpr std::size_t kStart = offsetof(sockaddr_un, sun_path);
  if (address.length <= kStart) return {};
  const char* path = reinterpret_cast<const char*>(&address.storage) + kStart;
  const std::size_t size =
      std::min<std::size_t>(address.length - kStart, sizeof(sockaddr_un::sun_path));
  // An abstract name starts with NUL and is as long as the length says; a path ends at its NUL.
  return {path, path[0] == '\0' ? size : strnlen(path, size)};
}

std::string unix_text(const Address& address) {
  std::string path(unix_path(address));
  std::ranges::replace(path, '\0', '@');
  return "unix:" + path;
}

template <typename Bytes>
std::string ip_text(int family, const Bytes& bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ENSURE(inet_ntop(family, &bytes, text.data(), text.size()) != nullptr, "an address has no text");
  return text.data();
}

// "localhost" and every name below it are this machine (RFC 6761 section 6.3).
bool is_localhost(std::string_view host) {
  constexpr std::string_view kName = "localhost";
  if (host.size() < kName.size()) return false;
  const std::string_view above = host.substr(0, host.size() - kName.size());
  const std::string_view last = host.substr(above.size());
  return strncasecmp(last.data(), kName.data(), kName.size()) == 0 &&
         (above.empty() || above.ends_with('.'));
}

std::string key_of(TargetKind kind, const std::string& host, std::uint16_t port) {
  if (kind == TargetKind::Unix) return "unix:" + host;
  const std::string suffix = ":" + std::to_string(port);
  if (kind == TargetKind::Loopback) return "localhost" + suffix;
  const bool bare_ipv6 = host.find(':') != std::string::npos && !host.starts_with('[');
  return bare_ipv6 ? "[" + host + "]" + suffix : host + suffix;
}

Address literal(std::string_view host, std::uint16_t port) {
  Address address;
  ENSURE(Address::parse_ip(host, port, address), "addresses are asked of a target that needs DNS");
  return address;
}

}  // namespace

std::string Address::text() const {
  switch (family()) {
    case AF_INET: {
      const auto ip = as<sockaddr_in>(*this);
      return ip_text(AF_INET, ip.sin_addr) + ":" + std::to_string(ntohs(ip.sin_port));
    }
    case AF_INET6: {
      const auto ip = as<sockaddr_in6>(*this);
      return "[" + ip_text(AF_INET6, ip.sin6_addr) + "]:" + std::to_string(ntohs(ip.sin6_port));
    }
    case AF_UNIX: return unix_text(*this);
    default: return "unknown";
  }
}

bool Address::operator==(const Address& other) const {
  if (family() != other.family()) return false;
  switch (family()) {
    case AF_INET: {
      const auto a = as<sockaddr_in>(*this);
      const auto b = as<sockaddr_in>(other);
      return a.sin_port == b.sin_port && a.sin_addr.s_addr == b.sin_addr.s_addr;
    }
    case AF_INET6: {
      const auto a = as<sockaddr_in6>(*this);
      const auto b = as<sockaddr_in6>(other);
      return a.sin6_port == b.sin6_port && a.sin6_scope_id == b.sin6_scope_id &&
             std::memcmp(&a.sin6_addr, &b.sin6_addr, sizeof a.sin6_addr) == 0;
    }
    case AF_UNIX: return unix_path(*this) == unix_path(other);
    default: return length == other.length && std::memcmp(&storage, &other.storage, length) == 0;
  }
}

bool Address::parse_ip(std::string_view host, std::uint16_t port, Address& out) {
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (host.size() >= text.size() || host.find('\0') != std::string_view::npos) return false;
  std::ranges::copy(host, text.begin());
  sockaddr_in v4{};
  if (!bracketed && inet_pton(AF_INET, text.data(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    store(v4, sizeof v4, out);
    return true;
  }
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET6, text.data(), &v6.sin6_addr) != 1) return false;
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  store(v6, sizeof v6, out);
  return true;
}

bool Address::from_unix_path(std::string_view path, Address& out) {
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof address.sun_path) return false;
  if (path.find('\0') != std::string_view::npos) return false;
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  store(address, offsetof(sockaddr_un, sun_path) + path.size() + 1, out);
  return true;
}

Target::Target(TargetKind kind, std::string host, std::uint16_t port,
               std::shared_ptr<const TargetTls> tls, bool h2c)
    : kind_(kind),
      host_(std::move(host)),
      port_(port),
      key_((tls   ? "https://"
            : h2c ? "h2c://"
                  : "") +
           key_of(kind_, host_, port_)),
      key_hash_(hash_bytes(kPublicSecret, key_, 0)),
      tls_(std::move(tls)),
      h2c_(h2c) {}

std::string Target::authority() const {
  if (kind_ == TargetKind::Unix) return "localhost";
  const std::string place = key_of(kind_, host_, port_);
  return tls_ && port_ == 443 ? place.substr(0, place.rfind(':')) : place;
}

std::string_view Target::server_name() const {
  return tls_ == nullptr || tls_->server_name.empty() ? host_ : tls_->server_name;
}

bool Target::needs_dns() const {
  Address unused;
  return kind_ == TargetKind::Tcp && !is_localhost(host_) &&
         !Address::parse_ip(host_, port_, unused);
}

Addresses Target::fixed_addresses() const {
  Addresses addresses;
  if (kind_ == TargetKind::Unix) {
    Address address;
    if (Address::from_unix_path(host_, address)) {
      addresses.list.push_back(address);
    } else {
      addresses.failure = "the socket path \"" + host_ + "\" is empty or longer than 107 octets";
    }
  } else if (kind_ == TargetKind::Loopback || is_localhost(host_)) {
    addresses.list = {literal("127.0.0.1", port_), literal("::1", port_)};
  } else {
    addresses.list = {literal(host_, port_)};
  }
  return addresses;
}

}  // namespace engine::route
