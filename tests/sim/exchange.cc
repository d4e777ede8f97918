// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/exchange.h"

#include <algorithm>
#include <cstdio>

#include "engine/http/websocket.h"
#include "tests/sim/identity.h"

namespace sim {
namespace {

std::string chunked(const std::string& body, Random& random) {
  std::string wire;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t count = 1 + random.size(std::min<std::size_t>(body.size() - at, 100'000) - 1);
    char size[32];
    std::snprintf(size, sizeof size, random.chance(500) ? "%zx" : "%zX", count);
    wire += size;
    if (random.chance(50)) wire += ";name=value";
    wire += "\r\n" + body.substr(at, count) + "\r\n";
    at += count;
  }
  return wire + "0\r\n" + (random.chance(100) ? "X-Trailer: yes\r\n" : "") + "\r\n";
}

void plan_request(Exchange& exchange, const Mood& mood, Random& random) {
  exchange.method = random.pick(
      std::vector<std::string>{"GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE"});
  exchange.minor_version = random.chance(100) ? 0 : 1;
  exchange.client_says_close = random.chance(80);
  if (exchange.method == "POST" || exchange.method == "PUT") {
    exchange.request_framing =
        exchange.minor_version == 1 && random.chance(400) ? Framing::Chunked : Framing::Length;
    exchange.request_body = pattern(exchange.id * 2 + 1, random.size(mood.body_most));
    exchange.expects =
        exchange.minor_version == 1 && random.chance(150) && !exchange.request_body.empty();
  }
}

void plan_response(Exchange& exchange, const Mood& mood, Random& random) {
  exchange.status = random.pick(std::vector<int>{200, 200, 200, 200, 201, 204, 304, 404, 500});
  exchange.response_framing = random.pick(std::vector<Framing>{
      Framing::Length, Framing::Length, Framing::Chunked, Framing::UntilClose});
  exchange.response_body = pattern(exchange.id * 2, random.size(mood.body_most));
  if (exchange.bodyless()) exchange.response_body.clear();
  if (random.chance(100)) exchange.interims = static_cast<unsigned>(random.between(1, 3));
  exchange.target_says_close = random.chance(150);
  exchange.early = !exchange.request_body.empty() && random.chance(100);
}

void plan_tunnel(Exchange& exchange, const Mood& mood, Random& random) {
  exchange.method = "GET";
  exchange.minor_version = 1;
  exchange.request_framing = Framing::None;
  exchange.request_body.clear();
  exchange.upgrades = true;
  exchange.expects = exchange.early = exchange.client_says_close = exchange.target_says_close =
      false;
  exchange.status = 101;
  exchange.response_body.clear();
  exchange.up = pattern(exchange.id * 2 + 1, random.size(mood.body_most));
  exchange.down = pattern(exchange.id * 2, random.size(mood.body_most));
  exchange.up_early = random.chance(500) ? random.below(exchange.up.size() + 1) : 0;
  exchange.up_ends_first = random.chance(500);
}

void plan_death(Exchange& exchange, Random& random) {
  if (random.chance(50)) exchange.silent = true;
  if (!random.chance(250)) return;
  exchange.target_break =
      random.pick(std::vector<Break>{Break::Fin, Break::Fin, Break::Reset, Break::Cut,
                                     Break::Garbled, Break::Stream, Break::Stream});
  // A FIN is how such a body properly ends: nobody could tell.
  if (exchange.response_framing == Framing::UntilClose && !exchange.bodyless() &&
      exchange.target_break == Break::Fin)
    exchange.target_break = Break::Reset;
  if (random.chance(300)) {
    exchange.break_after_reading = random.below(200 + exchange.request_body.size());
  } else {
    exchange.break_after_writing =
        random.below(100 + exchange.response_body.size() + exchange.down.size());
  }
}

}  // namespace

void end_suddenly(Peer& peer, Break how) {
  if (how == Break::Fin) peer.close();
  if (how == Break::Reset || how == Break::Stream) peer.reset();
  if (how == Break::Cut) peer.cut();
  if (how == Break::Garbled) peer.garble();
}

std::string pattern(std::size_t salt, std::size_t size) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  std::string bytes(size, '\0');
  Random random(salt + 77);
  for (std::size_t at = 0; at < size;) {
    for (std::uint64_t word = random.next(), i = 0; i < 10 && at < size; ++i, word >>= 6U) {
      bytes[at++] = kLetters[word & 63U];
    }
  }
  return bytes;
}

std::string difference(const std::string& got, const std::string& wanted) {
  const auto at = std::ranges::mismatch(got, wanted).in1 - got.begin();
  const std::size_t elsewhere = wanted.find(got.substr(static_cast<std::size_t>(at), 12));
  return std::to_string(got.size()) + " bytes for " + std::to_string(wanted.size()) +
         ", different from " + std::to_string(at) + " on" +
         (elsewhere == std::string::npos
              ? ""
              : ", where what belongs to " + std::to_string(elsewhere) + " is");
}

std::string Exchange::text() const {
  constexpr const char* kFramings[] = {"none", "length", "chunked", "until close"};
  constexpr const char* kBreaks[] = {"",
                                     ", target FIN",
                                     ", target RST",
                                     ", target cut",
                                     ", target garbled",
                                     ", target RST_STREAM"};
  const auto where = [](std::size_t at) { return at == kNowhere ? "never" : std::to_string(at); };
  std::string text =
      "exchange " + std::to_string(id) + " (" + method + " 1." + std::to_string(minor_version) +
      " " + kFramings[static_cast<int>(request_framing)] + " " +
      std::to_string(request_body.size()) + " -> " + std::to_string(status) + " " +
      kFramings[static_cast<int>(response_framing)] + " " + std::to_string(response_body.size()) +
      ", up " + std::to_string(up.size()) + " down " + std::to_string(down.size());
  text += kBreaks[static_cast<int>(target_break)];
  if (target_break != Break::None) {
    text += " at read " + where(break_after_reading) + " write " + where(break_after_writing);
  }
  if (expects) text += ", expects";
  if (early) text += ", early";
  if (silent) text += ", silent";
  if (client_says_close) text += ", client says close";
  if (target_says_close) text += ", target says close";
  text += ", heads seen " + std::to_string(heads_seen) + (response_sent ? ", sent" : ", not sent");
  return text + ", outcome " + std::to_string(static_cast<int>(outcome)) + " " + refusal + ")";
}

std::string Exchange::request_head() const {
  std::string head = method + " /x/" + std::to_string(id) + " HTTP/1." +
                     std::to_string(minor_version) + "\r\nHost: sim.test\r\n";
  if (!asked_type().empty()) head += "Content-Type: " + asked_type() + "\r\n";
  if (request_framing == Framing::Length)
    head += "Content-Length: " + std::to_string(request_body.size()) + "\r\n";
  if (request_framing == Framing::Chunked) head += "Transfer-Encoding: chunked\r\n";
  if (expects) head += "Expect: 100-continue\r\n";
  if (upgrades) {
    head += "Connection: Upgrade\r\nUpgrade: sim\r\nSec-WebSocket-Key: ";
    head += std::string(kWebSocketKey) + "\r\n";
  } else if (client_says_close) {
    head += "Connection: close\r\n";
  } else if (minor_version == 0) {
    head += "Connection: keep-alive\r\n";
  }
  return head + "\r\n";
}

std::string Exchange::request_tail(Random& random) const {
  return request_framing == Framing::Chunked ? chunked(request_body, random) : request_body;
}

std::string Exchange::response_bytes(const Message& request, Random& random) const {
  std::string bytes;
  for (unsigned i = 0; i < interims; ++i)
    bytes += "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
  bytes +=
      "HTTP/1.1 " + std::to_string(status) + " Whatever\r\nX-Sim: " + std::to_string(id) + "\r\n";
  if (status == 101) {
    return bytes + "Connection: Upgrade\r\nUpgrade: sim\r\nSec-WebSocket-Accept: " +
           engine::http::websocket_accept(request.field("sec-websocket-key")) + "\r\n\r\n";
  }
  if (!answered_type().empty()) bytes += "Content-Type: " + answered_type() + "\r\n";
  if (target_says_close) bytes += "Connection: close\r\n";
  if (bodyless()) {
    if (method == "HEAD" && random.chance(500)) bytes += "Content-Length: 1234\r\n";
    return bytes + "\r\n";
  }
  switch (response_framing) {
    case Framing::Length:
      return bytes + "Content-Length: " + std::to_string(response_body.size()) + "\r\n\r\n" +
             response_body;
    case Framing::Chunked:
      return bytes + "Transfer-Encoding: chunked\r\n\r\n" + chunked(response_body, random);
    default: return bytes + "\r\n" + response_body;
  }
}

Fields Exchange::request_fields(std::string_view scheme) const {
  Fields fields = {{":method", upgrades ? "CONNECT" : method},
                   {":scheme", std::string(scheme)},
                   {":authority", kServerName},
                   {":path", "/x/" + std::to_string(id)}};
  if (upgrades) fields.emplace_back(":protocol", "sim");
  if (!asked_type().empty()) fields.emplace_back("content-type", asked_type());
  if (request_framing == Framing::Length)
    fields.emplace_back("content-length", std::to_string(request_body.size()));
  if (expects) fields.emplace_back("expect", "100-continue");
  return fields;
}

Fields Exchange::response_fields(Random& random) const {
  Fields fields = {{":status", std::to_string(status == 101 ? 200 : status)},
                   {"x-sim", std::to_string(id)}};
  if (!answered_type().empty()) fields.emplace_back("content-type", answered_type());
  if (method == "HEAD" && status != 204 && random.chance(500))
    fields.emplace_back("content-length", "1234");
  if (!bodyless() && response_framing == Framing::Length)
    fields.emplace_back("content-length", std::to_string(response_body.size()));
  return fields;
}

std::string Exchange::judge(const Message& answer) {
  if (!answer.has("x-sim")) {
    if (answer.status() < 400) return "an answer from nowhere: " + answer.start_line;
    outcome = Outcome::Refused;
    refusal = answer.start_line + " " + answer.field("proxy-status");
    return {};
  }
  outcome = Outcome::Proxied;
  if (answer.field("x-sim") != std::to_string(id)) return "the answer of " + answer.field("x-sim");
  if (answer.status() != status) return "another status";
  if (answer.body != response_body)
    return "a wrong body that looks complete, " + difference(answer.body, response_body);
  return response_sent ? "" : "a complete answer that no target sent";
}

Exchange* find_asked(std::vector<Exchange>& exchanges, const Message& request,
                     std::string& complaint) {
  const std::string target = request.target();
  const std::size_t id = target.starts_with("/x/") ? std::stoull(target.substr(3)) : kNowhere;
  if (id >= exchanges.size()) {
    complaint = "a request that nobody made: " + request.start_line;
    return nullptr;
  }
  Exchange& exchange = exchanges[id];
  const bool tunnel = exchange.upgrades && request.has(":protocol");
  if (request.method() != (tunnel ? "CONNECT" : exchange.method)) complaint = "another method";
  const bool repeatable =
      exchange.method != "POST" && (exchange.buffered || exchange.request_body.empty());
  if (++exchange.heads_seen > 1 && !repeatable)
    complaint = "a request is sent twice that must not be";
  return &exchange;
}

Exchange make_exchange(std::size_t id, const Mood& mood, Random& random) {
  Exchange exchange;
  exchange.id = id;
  plan_request(exchange, mood, random);
  plan_response(exchange, mood, random);
  if (random.chance(120)) plan_tunnel(exchange, mood, random);
  if (mood.lethal) plan_death(exchange, random);
  return exchange;
}

}  // namespace sim
