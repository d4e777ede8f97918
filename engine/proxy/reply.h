// SPDX-License-Identifier: GPL-3.0-or-later
// Answers that the engine makes itself: errors, redirects, fixed statuses. Short HTML, or JSON
// where the client asks for it; nothing that a client sent reaches a page unescaped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/buffer.h"
#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/http/cors.h"
#include "engine/http/head.h"
#include "engine/route/service.h"

namespace engine::proxy {

class Worker;

struct Reply {
  std::uint16_t status = 500;
  base::Cause cause = base::Cause::None;  // None: a fixed answer of the configuration
  std::string_view details;               // what exactly happened; the text of a fixed answer
  base::Time retry_after = 0;             // nanoseconds, of 429 and 503; 0: as long as is usual
  bool close = false;
  bool head_only = false;
  std::uint8_t minor_version = 1;
  std::string_view accept;
  std::string_view host;  // as the client asked for it
  std::string_view request_id;
  std::string_view target;  // the target's key, when one was chosen
  std::uint16_t local_port = 0;
  bool secure = false;  // the client speaks TLS
  const route::Service* service = nullptr;
  http::CorsGrant cors;
};

// Returns the bytes of the body.
std::uint64_t write_reply(base::Buffer& out, const Reply& reply, Worker& worker);

// A head without content; `lines` come after those that every answer of ours has.
struct BareReply {
  std::uint16_t status = 204;
  bool close = false;
  http::CorsGrant cors;
  std::string_view lines;
};

void write_bare(base::Buffer& out, const BareReply& reply, Worker& worker);

// For a redirect to `location`, in which {uri} {host} {path} {query} stand for the request's.
[[nodiscard]] std::string redirect_lines(std::string_view location,
                                         const http::RequestHead& request);

// To a check of a site's health that is answered in its stead: 200 without content.
inline constexpr std::string_view kHealthyLines =
    "Cache-Control: no-store\r\nContent-Length: 0\r\n";

// To OPTIONS that may travel no further (RFC 9110 section 7.6.2).
inline constexpr std::string_view kOptionsLines =
    "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n";

// `page`, in which every {message} is replaced by the plain text `message`, escaped.
[[nodiscard]] std::string with_message(std::string_view page, std::string_view message);

}  // namespace engine::proxy
