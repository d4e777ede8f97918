// SPDX-License-Identifier: GPL-3.0-or-later
// Words for tests of a single behaviour: requests, answers, and how an answer looks to a client.
#pragma once

#include <string>
#include <string_view>

#include "tests/sim/h2_end.h"
#include "tests/sim/message.h"
#include "tests/sim/world.h"

namespace sim {

inline constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n";
inline constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

[[nodiscard]] std::string post_of(std::string_view body);
[[nodiscard]] std::string answer_of(std::string_view body);

// What a client makes of everything that came: "200 hello", "nothing", "open" while it is incomplete, or "broken".
[[nodiscard]] std::string seen(Peer& client, std::string_view method = "GET");

// The same of a stream; "reset 8" with the code when it ended early.
[[nodiscard]] std::string seen(const H2Stream& stream);
// A request as HTTP/2 has it, and 200.
[[nodiscard]] Fields asking(const std::string& method = "GET", const std::string& path = "/a");
[[nodiscard]] Fields asking_for_tunnel();
[[nodiscard]] const Fields& granting();
// A request or an answer that is complete with this content.
H2Stream& post(H2End& client, std::string_view body);
void answer(H2End& target, H2Stream& stream, std::string_view body = "hello");

// A client that has asked.
[[nodiscard]] Peer ask(World& world, std::string_view request = kGet);
// The whole answer that it has got.
[[nodiscard]] Message answer_in(Peer& client, std::string_view method = "GET");
// Answers the request that has reached a target first.
void serve_one(World& world, std::size_t target = 0);

// A client whose request has reached a target.
struct Talk {
  Peer client;
  Peer target;
  std::string request;  // as the target got it
};
[[nodiscard]] Talk start(World& world, std::string_view request = kGet);
// The same over connections that exist already; the target's must be waiting in the pool.
void ask_again(World& world, Talk& talk, std::string_view request = kGet);
void answer(World& world, Talk& talk, std::string_view bytes = kHello);

}  // namespace sim
