// SPDX-License-Identifier: GPL-3.0-or-later
// What each path of the echo server answers. From a parsed head to text and an Exchange; knows no
// socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/cli/echo_exchange.h"
#include "engine/http/head.h"

namespace engine::cli {

struct EchoRequest {
  const http::RequestHead& head;
  std::string_view path;  // head.path without what delays have taken off
  std::uint64_t connection = 0;
  std::uint64_t number = 0;  // on its connection, from 1
};

// Appends what of the answer is known now to `out`; the exchange says what is still to do.
[[nodiscard]] Exchange answer_request(const EchoRequest& request, std::string& out);

// What /ok answers, whole.
inline constexpr std::string_view kOkReply =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

// The answer to a body that was counted.
void append_count(std::string& out, const Exchange& exchange);

}  // namespace engine::cli
