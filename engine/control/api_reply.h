// SPDX-License-Identifier: GPL-3.0-or-later
// An answer of the control API, and how it reads on the wire. It must not know sockets.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

#include "engine/base/clock.h"

namespace engine::control {

struct ApiReply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> fields = {};  // ETag, Location, ...
};

// application/problem+json (RFC 9457): `title` is the same for every problem of its kind, `detail`
// says what is wrong with this one and what to do; the members of `extra` stand beside them.
[[nodiscard]] ApiReply problem(int status, std::string title, std::string detail,
                               nlohmann::json extra = nlohmann::json::object());

// What goes on the wire around the body. Unless the reply says otherwise it is not to be kept
// (Cache-Control).
struct ReplyFraming {
  bool keep_alive = true;
  bool is_head = false;    // HEAD: as for GET, without the body
  bool is_stream = false;  // the body follows, and ends with the connection
};
// `wall` is nanoseconds since 1970, for Date.
[[nodiscard]] std::string write_reply(const ApiReply& reply, ReplyFraming framing, base::Time wall);

}  // namespace engine::control
