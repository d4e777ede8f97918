// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/echo_paths.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

#include "engine/cli/echo_page.h"
#include "engine/cli/echo_words.h"
#include "engine/http/websocket.h"

namespace engine::cli {
namespace {

using Kind = Exchange::Kind;
using End = Exchange::End;

// What a path's function sees: the request, the text so far, the exchange it fills in.
struct Answer {
  const EchoRequest& request;
  std::string_view rest;  // of the path, behind the prefix it was found by
  Query query;
  std::string& out;
  Exchange& exchange;

  void reply(unsigned status, std::string_view type, std::string_view body,
             std::string_view fields = {}) const {
    append_reply(out, exchange.style, status, type, body, fields);
  }
  void refuse(std::string_view why) const { reply(400, kTextPlain, why); }
};

constexpr std::string_view kBytesType = "application/octet-stream";
constexpr std::uint64_t kPromisedBytes = 1 << 20;
constexpr std::uint64_t kChunkPieceBytes = 64 * 1024;
constexpr std::uint64_t kGapPieceBytes = 1024;

void root(const Answer& a) {
  const bool json = a.request.head.accept.find(kJson) != std::string_view::npos;
  if (json) return a.reply(200, kJson, request_json(a.request.head));
  a.reply(200, "text/html; charset=utf-8", request_page(a.request.head));
}

void ok(const Answer& a) { a.reply(200, "text/plain", "ok"); }

void headers(const Answer& a) { a.reply(200, kJson, request_json(a.request.head)); }

// ?chunked=1 ?close=1 ?piece=N ?gap=10ms ?rate=1m (octets a second)
void bytes(const Answer& a) {
  const auto count = parse_size(a.rest);
  if (!count) return a.refuse("/bytes/N[k|m|g]\n");

  Exchange& e = a.exchange;
  const bool close = a.query.flag("close");
  e.kind = Kind::Pattern;
  e.left = *count;
  e.gap = a.query.wait("gap", 0);
  e.piece = a.query.size("piece", e.gap > 0 ? kGapPieceBytes : 0);
  if (const std::uint64_t rate = a.query.size("rate", 0); rate > 0) {
    e.gap = 20 * base::kMillisecond;
    e.piece = std::max<std::uint64_t>(rate / 50, 1);
  }
  // Until the end of the connection is how HTTP/1.0 answers without a length; it is right in 1.1
  // too.
  if (close) e.style = {.http10 = true, .keep_alive = false, .head_only = e.style.head_only};
  const bool known = !close && !a.query.flag("chunked");
  append_stream_head(a.out, e, known ? count : std::nullopt, kBytesType);
  if (e.chunked && e.piece == 0) e.piece = kChunkPieceBytes;
}

void delay(const Answer& a) {
  const std::string_view time = a.rest.substr(0, a.rest.find('/'));
  const auto wait = parse_wait(time);
  if (!wait) return a.refuse("/delay/500ms[/path]\n");
  a.exchange.kind = Kind::Delay;
  a.exchange.gap = *wait;
  a.exchange.skip = a.request.path.size() - a.rest.size() + time.size();
}

void status(const Answer& a) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(a.rest.data(), a.rest.data() + a.rest.size(), number);
  const bool whole = error == std::errc() && end == a.rest.data() + a.rest.size();
  if (!whole || number < 200 || number > 999) return a.refuse("/status/200 to /status/999\n");
  if (number == 204 || number == 304) {
    append_head_start(a.out, a.exchange.style, number, {});
    a.out += "\r\n";
    return;
  }
  std::string body = std::to_string(number);
  body += ' ';
  body += reason_of(number);
  body += '\n';
  const bool redirect = number > 300 && number < 309;
  a.reply(number, kTextPlain, body, redirect ? "Location: /ok\r\n" : "");
}

void no_content(const Answer& a) {
  append_head_start(a.out, a.exchange.style, 204, {});
  a.out += "\r\n";
}

void not_modified(const Answer& a) {
  append_head_start(a.out, a.exchange.style, 304, {}, "ETag: \"echo\"\r\n");
  a.out += "\r\n";
}

void echo(const Answer& a) {
  const http::RequestHead& head = a.request.head;
  std::string_view type = http::find_field(head.fields, http::FieldName::ContentType);
  if (type.empty()) type = kBytesType;
  a.exchange.kind = Kind::Echo;
  const bool chunked = head.framing == http::Framing::Chunked;
  append_stream_head(a.out, a.exchange, chunked ? std::nullopt : std::optional(head.content_length),
                     type);
  // HEAD has no body to send back, but one may have come.
  if (a.exchange.kind != Kind::Echo) a.exchange.kind = Kind::Discard;
}

void count(const Answer& a) { a.exchange.kind = Kind::Count; }

void slow_read(const Answer& a) {
  const std::uint64_t rate = std::max<std::uint64_t>(a.query.size("rate", 1024), 8);
  a.exchange.kind = Kind::Count;
  a.exchange.piece = rate / 8;
  a.exchange.gap = base::kSecond / 8;
}

void chunked(const Answer& a) {
  const auto lines = parse_size(a.rest);
  if (!lines) return a.refuse("/chunked/N\n");
  a.exchange.kind = Kind::Chunks;
  a.exchange.left = *lines;
  a.exchange.gap = a.query.wait("gap", 0);
  append_stream_head(a.out, a.exchange, std::nullopt, kTextPlain);
}

void trailers(const Answer& a) {
  append_stream_head(a.out, a.exchange, std::nullopt, kTextPlain,
                     "Trailer: X-Checksum, X-Count\r\n");
  if (a.exchange.style.head_only) return;
  append_piece(a.out, a.exchange, "two fields follow\n");
  append_stream_end(a.out, a.exchange, "X-Checksum: 0123abcd\r\nX-Count: 18\r\n");
}

// ?n=5 (0: endless) ?every=100ms
void events(const Answer& a) {
  const std::uint64_t wanted = a.query.size("n", 5);
  a.exchange.kind = Kind::Events;
  a.exchange.left = wanted == 0 ? UINT64_MAX : wanted;
  a.exchange.gap = a.query.wait("every", 100 * base::kMillisecond);
  append_stream_head(a.out, a.exchange, std::nullopt, "text/event-stream",
                     "Cache-Control: no-store\r\n");
}

void switch_protocols(const Answer& a, Kind kind, std::string_view fields) {
  a.exchange.kind = kind;
  a.exchange.end = End::Close;
  a.out += "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ";
  a.out += a.request.head.upgrade;
  a.out += "\r\n";
  a.out += fields;
  a.out += "\r\n";
}

void websocket(const Answer& a) {
  const http::RequestHead& head = a.request.head;
  const std::string_view key = http::find_field(head.fields, "sec-websocket-key");
  const std::string_view version = http::find_field(head.fields, "sec-websocket-version");
  const bool asked = http::equals_ignoring_case(head.upgrade, "websocket");
  if (head.method != http::Method::Get || !asked || key.empty() || version != "13") {
    return a.reply(426, kTextPlain, "a WebSocket handshake (version 13) is wanted here\n",
                   "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n");
  }
  std::string fields = "Sec-WebSocket-Accept: ";
  fields += http::websocket_accept(key);
  fields += "\r\n";
  const std::string_view protocols = http::find_field(head.fields, "sec-websocket-protocol");
  if (!protocols.empty()) {
    fields += "Sec-WebSocket-Protocol: ";
    fields += protocols.substr(0, protocols.find_first_of(", "));
    fields += "\r\n";
  }
  switch_protocols(a, Kind::WebSocket, fields);
}

void upgrade_raw(const Answer& a) {
  if (a.request.head.upgrade.empty()) {
    return a.reply(426, kTextPlain, "Connection: upgrade is wanted here\n",
                   "Upgrade: raw\r\nConnection: Upgrade\r\n");
  }
  switch_protocols(a, Kind::Raw, {});
}

void early(const Answer& a) {
  a.exchange.style.keep_alive = false;
  a.exchange.ignores_body = true;
  a.reply(413, kTextPlain, "refused before the body was read\n");
}

void early_keep(const Answer& a) {
  a.exchange.kind = Kind::Discard;
  a.reply(200, kTextPlain, "answered before the body was read\n");
}

// The deaths read the request's body first, so that the end is a FIN; ?early=1 does not wait for
// it.
void die(const Answer& a, End end) {
  a.exchange.end = end;
  a.exchange.ignores_body = a.query.flag("early");
}

void die_head(const Answer& a) { die(a, End::Cut); }

void die_mid_head(const Answer& a) {
  die(a, End::Cut);
  a.out += "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Le";
}

// Promises a body and sends ?after=N octets of it.
void promise(const Answer& a, std::uint64_t after) {
  a.exchange.kind = Kind::Pattern;
  a.exchange.left = std::min(after, kPromisedBytes - 1);
  append_stream_head(a.out, a.exchange, kPromisedBytes, kBytesType);
}

void die_body(const Answer& a) {
  die(a, End::Cut);
  promise(a, a.query.size("after", 1000));
}

void die_chunk(const Answer& a) {
  die(a, End::Cut);
  append_stream_head(a.out, a.exchange, std::nullopt, kTextPlain);
  append_piece(a.out, a.exchange, "hello");
  append_chunk_size(a.out, 16);
  a.out += "half";
}

void die_reset(const Answer& a) {
  die(a, End::Reset);
  if (a.query.find("after")) promise(a, a.query.size("after", 0));
}

void hang(const Answer& a) { a.exchange.kind = Kind::Hang; }

void hang_body(const Answer& a) {
  append_stream_head(a.out, a.exchange, 100, kTextPlain);
  a.out += "ten octets";
  a.exchange.kind = Kind::Hang;
}

// ?n=1
void early_hints(const Answer& a) {
  const std::uint64_t hints = std::min<std::uint64_t>(a.query.size("n", 1), 100);
  for (std::uint64_t i = 0; i < hints && !a.exchange.style.http10; ++i) {
    a.out += "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n";
  }
  a.reply(200, kTextPlain, "after the hints\n");
}

void garbage(const Answer& a) {
  a.exchange.end = End::Close;
  a.exchange.style.keep_alive = false;
  a.out += "this is not HTTP\r\n\r\n";
}

void connection(const Answer& a) {
  std::string json = "{\"connection\":";
  append_number(json, a.request.connection);
  json += ",\"request\":";
  append_number(json, a.request.number);
  json += "}\n";
  a.reply(200, kJson, json);
}

struct Path {
  std::string_view text;  // with a '/' at its end: a prefix
  void (*answer)(const Answer&);
};

constexpr Path kPaths[] = {
    {"/", root},
    {"/ok", ok},
    {"/headers", headers},
    {"/bytes/", bytes},
    {"/delay/", delay},
    {"/status/", status},
    {"/nobody/204", no_content},
    {"/nobody/304", not_modified},
    {"/304", not_modified},
    {"/echo", echo},
    {"/count", count},
    {"/continue", count},
    {"/slow-read", slow_read},
    {"/chunked/", chunked},
    {"/trailers", trailers},
    {"/sse", events},
    {"/ws", websocket},
    {"/upgrade/raw", upgrade_raw},
    {"/early", early},
    {"/early/keep", early_keep},
    {"/die/head", die_head},
    {"/die/mid-head", die_mid_head},
    {"/die/body", die_body},
    {"/die/chunk", die_chunk},
    {"/die/rst", die_reset},
    {"/hang", hang},
    {"/hang/body", hang_body},
    {"/interim/103", early_hints},
    {"/garbage", garbage},
    {"/conn", connection},
};

bool found(const Path& path, std::string_view asked) {
  const bool prefix = path.text.size() > 1 && path.text.ends_with('/');
  return prefix ? asked.starts_with(path.text) : asked == path.text;
}

void not_found(const Answer& a) {
  std::string body = "nothing here; these paths answer:\n";
  for (const Path& path : kPaths) {
    body += path.text;
    body += '\n';
  }
  a.reply(404, kTextPlain, body);
}

}  // namespace

Exchange answer_request(const EchoRequest& request, std::string& out) {
  const http::RequestHead& head = request.head;
  Exchange exchange;
  exchange.style = {.http10 = head.minor_version == 0,
                    .keep_alive = head.keep_alive,
                    .head_only = head.method == http::Method::Head};
  const std::string_view asked = request.path.empty() ? "/" : request.path;
  Answer answer{request, {}, Query(head.query), out, exchange};

  const auto path = std::find_if(std::begin(kPaths), std::end(kPaths),
                                 [asked](const Path& p) { return found(p, asked); });
  if (head.method == http::Method::Connect) {
    answer.reply(405, kTextPlain, "no tunnels here\n", "Allow: GET, HEAD, POST, PUT\r\n");
  } else if (asked == "*") {
    answer.reply(200, kTextPlain, "", "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n");
  } else if (path == std::end(kPaths)) {
    not_found(answer);
  } else {
    answer.rest = asked.substr(std::min(path->text.size(), asked.size()));
    path->answer(answer);
  }
  if (exchange.end == End::KeepAlive && !exchange.style.keep_alive) exchange.end = End::Close;
  return exchange;
}

void append_count(std::string& out, const Exchange& exchange) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string json = "{\"bytes\":";
  append_number(json, exchange.sent);
  json += ",\"fnv\":\"";
  for (int shift = 60; shift >= 0; shift -= 4) json += kHex[exchange.fnv >> shift & 15];
  json += "\"}\n";
  append_reply(out, exchange.style, 200, kJson, json);
}

}  // namespace engine::cli
