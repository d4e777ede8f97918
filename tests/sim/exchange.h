// SPDX-License-Identifier: GPL-3.0-or-later
// What is to happen in one request and its response, made from a seed, and what did happen. The scripted client and
// target play it; both check what reaches them against it.
#pragma once

#include <string>
#include <vector>

#include "tests/sim/kernel.h"
#include "tests/sim/message.h"
#include "tests/sim/random.h"

namespace sim {

enum class Framing : std::uint8_t { None, Length, Chunked, UntilClose };
// Cut and Garbled are Reset where there is no TLS, and so is Stream where that would be the whole connection.
enum class Break : std::uint8_t { None, Fin, Reset, Cut, Garbled, Stream };
inline constexpr std::size_t kNowhere = SIZE_MAX;
inline constexpr std::size_t kAnywhere = SIZE_MAX - 1;
// Of RFC 6455 section 1.3. Whoever asks for a tunnel over HTTP/1 sends the key.
inline constexpr const char* kWebSocketKey = "dGhlIHNhbXBsZSBub25jZQ==";
inline constexpr const char* kWebSocketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

struct Exchange {
  // ---- The request.
  std::size_t id = 0;
  std::string method = "GET";
  int minor_version = 1;
  Framing request_framing = Framing::None;
  std::string request_body;
  bool expects = false;  // 100-continue
  bool upgrades = false;
  bool client_says_close = false;
  bool buffered = false;  // its body is complete before a target gets it
  // ---- The response.
  int status = 200;
  Framing response_framing = Framing::Length;
  std::string response_body;
  unsigned interims = 0;
  bool target_says_close = false;
  bool early = false;   // answers before it has read the request's body
  bool silent = false;  // never answers
  // ---- Of a tunnel.
  std::string up, down;
  std::size_t up_early = 0;    // bytes that do not wait for the 101
  bool up_ends_first = false;  // the client does not wait for all of `down` before its FIN
  // ---- Sudden ends, in bytes of what the target reads or writes.
  Break target_break = Break::None;
  std::size_t break_after_reading = kNowhere;
  std::size_t break_after_writing = kNowhere;

  // ---- What happened.
  unsigned heads_seen = 0;               // by targets
  bool drained = false;                  // its target may have been: its tunnel ends anywhere
  bool response_sent = false;            // all of it, with the FIN where that is its end
  std::size_t up_finished = kNowhere;    // bytes before the client's FIN
  std::size_t down_finished = kNowhere;  // bytes before the target's FIN
  enum class Outcome : std::uint8_t { None, Proxied, Refused, Broken };
  std::string refusal;              // its status line and cause
  Outcome outcome = Outcome::None;  // as the client saw it; Refused: an answer of the engine's own

  [[nodiscard]] bool bodyless() const {
    return method == "HEAD" || status == 204 || status == 304 || status == 101;
  }
  // Of the request and of the response; empty: none. Not chosen at random, so that a seed stays what it was.
  [[nodiscard]] std::string asked_type() const { return id % 3 == 0 ? "application/grpc" : ""; }
  [[nodiscard]] std::string answered_type() const { return id % 2 == 0 ? "text/event-stream" : ""; }
  [[nodiscard]] std::string text() const;  // for messages
  [[nodiscard]] std::string request_head() const;
  [[nodiscard]] std::string request_tail(Random& random) const;  // the body as it is framed
  // `request` that it answers.
  [[nodiscard]] std::string response_bytes(const Message& request, Random& random) const;
  // The same for HTTP/2, without content.
  [[nodiscard]] Fields request_fields(std::string_view scheme) const;
  [[nodiscard]] Fields response_fields(Random& random) const;

  // The complete answer, other than 101, as the client got it: notes the outcome, and returns what is wrong with it.
  [[nodiscard]] std::string judge(const Message& answer);
};

struct Mood {
  bool lethal = false;  // peers die, stall and break off
  std::size_t body_most = 300'000;
};

[[nodiscard]] Exchange make_exchange(std::size_t id, const Mood& mood, Random& random);
void end_suddenly(Peer& peer, Break how);
// The exchange whose request has reached a target, which `complaint` then finds nothing wrong with. Null: nobody made it.
[[nodiscard]] Exchange* find_asked(std::vector<Exchange>& exchanges, const Message& request,
                                   std::string& complaint);
// Where two bodies part, for messages.
[[nodiscard]] std::string difference(const std::string& got, const std::string& wanted);
// Bytes that differ from place to place and from one exchange to the next.
[[nodiscard]] std::string pattern(std::size_t salt, std::size_t size);

}  // namespace sim
