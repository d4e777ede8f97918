// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/api_guard.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "engine/http/media_type.h"
#include "engine/http/names.h"
#include "engine/http/target.h"
#include "tls/context.h"

namespace engine::control {
namespace {

using http::equals_ignoring_case;
using http::FieldName;
using http::Method;

enum class Token : std::uint8_t { None, Right, Wrong };

bool is_loopback4(in_addr_t address) { return ntohl(address) >> 24U == IN_LOOPBACKNET; }

std::uint16_t port_of(const route::Address& address) {
  sockaddr_in copy;  // sin_port and sin6_port lie at the same offset
  std::memcpy(&copy, &address.storage, sizeof copy);
  return ntohs(copy.sin_port);
}

bool is_change(Method method) {
  return method != Method::Get && method != Method::Head && method != Method::Options;
}

// Takes the same time for every wrong token: digests differ everywhere at the first wrong byte, and
// all of them is looked at.
bool is_same(std::string_view token, std::string_view other) {
  const tls::Digest a = tls::digest_of(token);
  const tls::Digest b = tls::digest_of(other);
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

// RFC 6750 section 2.1. Without a token of our own there is nothing to compare with.
Token token_of(const ApiDoor& door, const http::RequestHead& head) {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view value = http::find_field(head.fields, FieldName::Authorization);
  if (door.token.empty() || value.data() == nullptr) return Token::None;
  if (!equals_ignoring_case(value.substr(0, kScheme.size()), kScheme)) return Token::Wrong;
  return is_same(value.substr(kScheme.size()), door.token) ? Token::Right : Token::Wrong;
}

// "localhost", "x.localhost", a loopback address, or the address listened on; with any port.
bool is_own_host(const ApiDoor& door, std::string_view authority) {
  constexpr std::string_view kLocalhost = "localhost";
  constexpr std::string_view kBelow = ".localhost";
  const auto parts = http::split_host_port(authority);
  if (!parts) return false;
  const std::string_view host = parts->host;
  if (equals_ignoring_case(host, kLocalhost)) return true;
  if (host.size() > kBelow.size() &&
      equals_ignoring_case(host.substr(host.size() - kBelow.size()), kBelow))
    return true;
  route::Address address;
  if (!route::Address::parse_ip(host, port_of(door.address), address)) return false;
  return is_loopback(address) || address == door.address;
}

// RFC 6454: a page says where it came from; "null" is nobody's.
bool is_same_origin(const http::RequestHead& head) {
  const std::string_view origin = http::find_field(head.fields, "Origin");
  if (origin.data() == nullptr) return true;
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"http://", "https://"}, [&](std::string_view scheme) {
        return origin.starts_with(scheme) &&
               equals_ignoring_case(origin.substr(scheme.size()), head.authority);
      });
}

ApiReply unauthorized(std::string detail) {
  ApiReply reply = problem(401, "Unauthorized", std::move(detail));
  reply.fields.emplace_back("WWW-Authenticate", "Bearer");
  return reply;
}

ApiReply forbidden(std::string detail) { return problem(403, "Forbidden", std::move(detail)); }

std::expected<Caller, ApiReply> admit_unix(const ApiDoor& door, const ApiPeer& peer) {
  const bool known =
      peer.uid == 0 || peer.uid == door.owner ||
      (door.group && std::ranges::find(peer.groups, *door.group) != peer.groups.end());
  if (!known) {
    return std::unexpected(forbidden(peer.name +
                                     " is neither root, nor the engine's user, nor a member of "
                                     "its group: see `admin.group` in proxy.toml"));
  }
  return Caller{.may_write = true, .who = peer.name, .uid = peer.uid, .pid = peer.pid};
}

std::expected<Caller, ApiReply> admit_tcp(const ApiDoor& door, const ApiPeer& peer,
                                          const http::RequestHead& head) {
  const Token token = token_of(door, head);
  if (token == Token::Wrong)
    return std::unexpected(unauthorized("the token is not the one of `admin.token`"));
  if (token == Token::None && !is_own_host(door, head.authority)) {
    return std::unexpected(
        forbidden("without a token, Host must be localhost, a loopback address or the address "
                  "listened on: use one of these in the URL, or send the token"));
  }
  if (!is_same_origin(head))
    return std::unexpected(forbidden("a page of another origin may not use this API"));
  const bool may_read_freely = is_loopback(door.address) && is_loopback(peer.address);
  if (token == Token::None && !may_read_freely)
    return std::unexpected(unauthorized("send the token of `admin.token` as \"Bearer\""));
  return Caller{.may_write = token == Token::Right,
                .who = peer.name + (token == Token::Right ? " (token)" : "")};
}

// The one place that refuses a change to those who may not make it.
std::optional<ApiReply> refuse_change(const ApiDoor& door, const Caller& caller) {
  if (caller.may_write) return std::nullopt;
  if (door.token.empty()) {
    return forbidden(
        "changes over TCP need a token, and there is none: set `admin.token` in proxy.toml, or "
        "use the unix socket");
  }
  return unauthorized("a change needs the token of `admin.token`, sent as \"Bearer\"");
}

std::optional<ApiReply> refuse_media_type(const http::RequestHead& head) {
  if (!head.has_body()) return std::nullopt;
  const std::string_view type =
      http::media_type(http::find_field(head.fields, FieldName::ContentType));
  const bool may_be_toml = head.method == Method::Put && head.path == "/v1/config";
  if (equals_ignoring_case(type, "application/json")) return std::nullopt;
  if (may_be_toml && equals_ignoring_case(type, "application/toml")) return std::nullopt;
  return problem(415, "Unsupported Media Type",
                 std::string("send Content-Type: application/json") +
                     (may_be_toml ? " or application/toml" : ""));
}

}  // namespace

bool is_loopback(const route::Address& address) {
  if (address.family() == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address.storage, sizeof v4);
    return is_loopback4(v4.sin_addr.s_addr);
  }
  if (address.family() != AF_INET6) return false;
  sockaddr_in6 v6;
  std::memcpy(&v6, &address.storage, sizeof v6);
  in_addr_t mapped = 0;
  std::memcpy(&mapped, v6.sin6_addr.s6_addr + 12, sizeof mapped);
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) ||
         (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) && is_loopback4(mapped));
}

std::expected<Caller, ApiReply> admit(const ApiDoor& door, const ApiPeer& peer,
                                      const http::RequestHead& head) {
  auto caller =
      door.kind == ApiDoor::Kind::Unix ? admit_unix(door, peer) : admit_tcp(door, peer, head);
  if (!caller || !is_change(head.method)) return caller;
  if (auto refusal = refuse_change(door, *caller)) return std::unexpected(std::move(*refusal));
  if (auto refusal = refuse_media_type(head)) return std::unexpected(std::move(*refusal));
  return caller;
}

std::optional<ApiReply> refuse_tap(const Caller& caller) {
  if (caller.may_write) return std::nullopt;
  return unauthorized(
      "a tap shows other people's requests: send the token of `admin.token` as \"Bearer\", or use "
      "the unix socket");
}

}  // namespace engine::control
