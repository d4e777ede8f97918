// SPDX-License-Identifier: GPL-3.0-or-later
// Who may do what through the control API: pure functions of the door a request came through, its
// peer and its head. It must not know sockets, nor which requests there are.
#pragma once

#include <sys/types.h>

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/control/api_reply.h"
#include "engine/control/api_request.h"
#include "engine/http/head.h"
#include "engine/route/target.h"

namespace engine::control {

// Where the API listens.
struct ApiDoor {
  enum class Kind : bool { Unix, Tcp };

  Kind kind = Kind::Unix;
  // Unix: who may come in beside root.
  uid_t owner = 0;
  std::optional<gid_t> group = {};
  // Tcp.
  route::Address address = {};  // listened on
  std::string token = {};       // empty: there is none
};

// The other end, as the kernel knows it.
struct ApiPeer {
  std::string name;  // "uid 0 (root), pid 123", "127.0.0.1:4711"
  // Unix.
  uid_t uid = 0;
  pid_t pid = 0;
  std::vector<gid_t> groups = {};
  // Tcp.
  route::Address address = {};
};

// 127.0.0.0/8 and ::1, also as ::ffff:127.0.0.1.
[[nodiscard]] bool is_loopback(const route::Address& address);

// Who the caller is, or the answer that refuses:
//   unix  root, the engine's user and the group may do everything, others nothing (403)
//   tcp   with the token everything; without it reads, when both ends are loopback addresses. Then
//         Host must name one too, or the address listened on: else a page of any site whose name
//         was made to point here could ask (403). A wrong token is refused (401), and so is a
//         change without one; where there is no token at all nobody may change anything (403)
//   tcp   Origin, where there is one, must be that of Host (403)
//   both  a change with a body says that it is JSON, which no form of a web page can (415); PUT
//         /v1/config takes TOML too
[[nodiscard]] std::expected<Caller, ApiReply> admit(const ApiDoor& door, const ApiPeer& peer,
                                                    const http::RequestHead& head);

// A tap shows addresses and queries of other people as they come: on top of admit() it wants a caller
// who may change things, also on loopback.
[[nodiscard]] std::optional<ApiReply> refuse_tap(const Caller& caller);

}  // namespace engine::control
