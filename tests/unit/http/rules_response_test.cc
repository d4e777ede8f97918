// SPDX-License-Identifier: GPL-3.0-or-later
// What is forwarded to the client, and how it is written.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "engine/http/rules.h"
#include "tests/unit/http/h1_support.h"

namespace engine::http {
namespace {

ResponseForwarding like(const Response& response) {
  ResponseForwarding how;
  how.framing = response.head.framing;
  how.content_length = response.head.content_length;
  return how;
}

std::string forwarded(const Response& response, const ResponseForwarding& how) {
  EXPECT_EQ(response.result.status, HeadStatus::Complete) << response.result.why;
  std::array<char, 8192> out;
  return {out.data(), write_response(response.head, how, out)};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(ForwardResponse, a_response_is_written_anew) {
  const Response r(
      "HTTP/1.0 200 \tFine\r\nServer:x\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: "
      "002\r\n\r\n");
  EXPECT_EQ(
      forwarded(r, like(r)),
      "HTTP/1.1 200 \tFine\r\nServer: x\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 2\r\n"
      "Via: 1.0 engine\r\n\r\n");
}

TEST(ForwardResponse, hop_by_hop_fields_and_orders_to_proxies_are_dropped) {
  const Response r = response_fields(
      "Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nProxy-Connection: "
      "x\r\nUpgrade: h2c\r\n"
      "X-Accel-Redirect: /etc\r\nX-Sendfile: /etc\r\nTransfer-Encoding: chunked\r\nX_Real_IP: "
      "x\r\nVia: 1.1 z\r\n");
  ResponseForwarding how = like(r);
  EXPECT_EQ(forwarded(r, how),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nVia: 1.1 z, 1.1 engine\r\n\r\n");
}

TEST(ForwardResponse, the_connection_line_follows_the_client) {
  const Response r = response_fields("Content-Length: 2\r\n");
  ResponseForwarding how = like(r);
  EXPECT_FALSE(has(forwarded(r, how), "Connection"));
  how.client_minor_version = 0;
  EXPECT_TRUE(has(forwarded(r, how), "\r\nConnection: keep-alive\r\n"));
  how.keep_alive = false;
  EXPECT_TRUE(has(forwarded(r, how), "\r\nConnection: close\r\n"));
  how = like(r);
  how.framing = Framing::UntilClose;
  EXPECT_TRUE(has(forwarded(r, how), "\r\nConnection: close\r\n"));
}

TEST(ForwardResponseDeathTest, chunks_to_an_http_1_0_client_abort) {
  const Response r = response_fields("Transfer-Encoding: chunked\r\n");
  ResponseForwarding how = like(r);
  how.client_minor_version = 0;
  EXPECT_DEATH(forwarded(r, how), "HTTP/1.0");
}

TEST(ForwardResponse, a_length_without_a_body_stays_for_head_and_304_only) {
  const Response head = response_fields("Content-Length: 100\r\n", Method::Head);
  EXPECT_TRUE(has(forwarded(head, like(head)), "Content-Length: 100"));
  const Response unchanged("HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n");
  EXPECT_TRUE(has(forwarded(unchanged, like(unchanged)), "Content-Length: 5"));
  const Response empty("HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n");
  EXPECT_FALSE(has(forwarded(empty, like(empty)), "Content-Length"));
}

TEST(ForwardResponse, interim_heads_carry_their_own_fields_only) {
  const Response r(
      "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 3\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(forwarded(r, like(r)), "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
}

TEST(ForwardResponse, a_switch_of_protocols_is_written_whole) {
  const Response r(
      "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: "
      "upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
      Method::Get, true);
  ResponseForwarding how = like(r);
  how.upgrade = true;
  EXPECT_EQ(forwarded(r, how),
            "HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: x\r\nConnection: Upgrade\r\nUpgrade: "
            "websocket\r\n\r\n");
}

TEST(ForwardResponse, edits_and_the_request_id_are_added) {
  const std::array<FieldEdit, 2> edits{
      {{"X-Frame-Options", "DENY"}, {"Server", "", FieldEdit::Kind::Remove}}};
  const Response r = response_fields("Server: x\r\nX-Request-ID: theirs\r\nContent-Length: 0\r\n");
  ResponseForwarding how = like(r);
  how.edits = edits;
  how.request_id = "id1";
  EXPECT_EQ(forwarded(r, how),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nVia: 1.1 engine\r\nX-Request-ID: "
            "id1\r\nX-Frame-Options: DENY\r\n\r\n");
}

TEST(ForwardResponse, what_other_origins_are_granted_is_said_by_us_alone) {
  const std::array<FieldEdit, 1> edits{
      {{"Access-Control-Allow-Origin", "", FieldEdit::Kind::Remove}}};
  const Response r =
      response_fields("access-control-allow-origin: *\r\nVary: Accept\r\nContent-Length: 0\r\n");
  ResponseForwarding how = like(r);
  how.edits = edits;
  how.cors = {.origin = "https://a.test", .credentials = true, .varies = true};
  EXPECT_EQ(forwarded(r, how),
            "HTTP/1.1 200 OK\r\nVary: Accept\r\nContent-Length: 0\r\nVia: 1.1 engine\r\n"
            "Access-Control-Allow-Origin: https://a.test\r\n"
            "Access-Control-Allow-Credentials: true\r\nVary: Origin\r\n\r\n");

  const Response hints("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
  EXPECT_FALSE(has(forwarded(hints, how), "Access-Control"));
}

TEST(ForwardResponse, cookies_of_our_own_go_beside_those_of_the_target) {
  const std::vector<std::string> cookies = {"lb=1; Path=/", "x=2"};
  const Response r = response_fields("Set-Cookie: a=b\r\nContent-Length: 0\r\n");
  ResponseForwarding how = like(r);
  how.cookies = cookies;
  const std::string head = forwarded(r, how);
  EXPECT_TRUE(has(head, "\r\nSet-Cookie: a=b\r\n")) << head;
  EXPECT_TRUE(has(head, "\r\nSet-Cookie: lb=1; Path=/\r\nSet-Cookie: x=2\r\n")) << head;

  const Response hints("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
  EXPECT_FALSE(has(forwarded(hints, how), "Set-Cookie"));
}

TEST(ForwardResponse, a_default_leaves_what_the_target_says_and_may_have_places) {
  const std::array<FieldEdit, 3> edits{
      {{"X-Frame-Options", "DENY", FieldEdit::Kind::Default},
       {"Referrer-Policy", "no-referrer", FieldEdit::Kind::Default},
       {"X-Served-By", "{target} {host} {request_id} {unix_ms}", FieldEdit::Kind::Set, true}}};
  const std::array<std::string_view, kResponsePlaces.size()> values = {"id1", "a:1", "a.test"};
  const Response r = response_fields("x-frame-options: SAMEORIGIN\r\nContent-Length: 0\r\n");
  ResponseForwarding how = like(r);
  how.edits = edits;
  how.place_values = values;
  EXPECT_EQ(forwarded(r, how),
            "HTTP/1.1 200 OK\r\nx-frame-options: SAMEORIGIN\r\nContent-Length: 0\r\nVia: 1.1 "
            "engine\r\nReferrer-Policy: no-referrer\r\nX-Served-By: a:1 a.test id1 "
            "{unix_ms}\r\n\r\n");
}

TEST(ForwardResponse, cookies_for_the_host_alone_get_the_prefix_before_their_path) {
  const struct {
    std::string_view cookie, forwarded;
  } kCases[] = {
      {"a=1; Path=/", "a=1; Path=/app"},
      {"a=1; path=/x/; Secure", "a=1; path=/app/x/; Secure"},
      {"a=1;Path = /x ;HttpOnly", "a=1;Path = /app/x ;HttpOnly"},
      {"a=1; Path=/x; Domain=a.test", "a=1; Path=/app/x; Domain=a.test"},
      {"a=1; Domain=.A.test; Path=/x", "a=1; Domain=.A.test; Path=/app/x"},
      {"a=1; Path=/x; Domain=test", "a=1; Path=/x; Domain=test"},
      {"a=1; Path=/x; Domain=b.a.test", "a=1; Path=/x; Domain=b.a.test"},
      {"a=1", "a=1"},
      {"a=1; Path=x", "a=1; Path=x"},
  };
  for (const auto& c : kCases) {
    const Response r = response_fields("set-cookie:  " + std::string(c.cookie) +
                                       "\r\nX-A: 1\r\nContent-Length: 0\r\n");
    ResponseForwarding how = like(r);
    how.cookie_prefix = "/app";
    how.host = "a.test";
    EXPECT_TRUE(has(forwarded(r, how), "\r\nset-cookie: " + std::string(c.forwarded) +
                                           "\r\nX-A: 1\r\nContent-Length: 0\r\n"))
        << forwarded(r, how);
    how.cookie_prefix = {};
    EXPECT_TRUE(has(forwarded(r, how), "\r\nset-cookie: " + std::string(c.cookie) + "\r\n"));
  }
}

TEST(ForwardResponse, what_a_target_says_about_writers_stays_here) {
  const Response r = response_fields("X-Writer-Affinity: false\r\nContent-Length: 0\r\n");
  EXPECT_FALSE(has(forwarded(r, like(r)), "Affinity"));
}

TEST(ForwardResponse, a_long_reason_is_cut) {
  const Response r("HTTP/1.1 200 " + std::string(1000, 'r') + "\r\nContent-Length: 0\r\n\r\n");
  EXPECT_LT(forwarded(r, like(r)).size(), 400u);
}

TEST(ForwardResponse, too_little_room_gives_nothing) {
  const Response r = response_fields("Content-Length: 2\r\nX-A: b\r\n");
  std::array<char, 512> out;
  const std::size_t size = write_response(r.head, like(r), out);
  for (std::size_t room = 0; room < size; ++room) {
    ASSERT_EQ(write_response(r.head, like(r), std::span(out).first(room)), 0u);
  }
}

}  // namespace
}  // namespace engine::http
