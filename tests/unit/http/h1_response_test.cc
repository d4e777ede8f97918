// SPDX-License-Identifier: GPL-3.0-or-later
// One test per rule about HTTP/1 response heads from upstreams.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/http/h1_support.h"

namespace engine::http {
namespace {

using base::Cause;

TEST(H1Response, a_plain_response_is_understood) {
  const Response r(
      "HTTP/1.1 200 All \xe9 fine\r\nContent-Length: 2\r\nDate: x\r\nContent-Type: a/b\r\n\r\nok");
  ASSERT_EQ(r.result.status, HeadStatus::Complete);
  EXPECT_EQ(r.result.consumed, r.bytes.size() - 2);
  EXPECT_EQ(r.head.status, 200);
  EXPECT_EQ(r.head.reason, "All \xe9 fine");
  EXPECT_EQ(r.head.framing, Framing::Length);
  EXPECT_EQ(r.head.content_length, 2u);
  EXPECT_EQ(r.head.content_type, "a/b");
  EXPECT_TRUE(r.head.keep_alive);
  EXPECT_TRUE(r.head.has_date);
  EXPECT_FALSE(r.head.has_server);
}

TEST(H1Response, broken_status_lines_are_refused) {
  for (const char* line :
       {"HTTP/1.1 1000 X", "HTTP/1.1 99 X", "HTTP/1.1 -20 OK", "HTTP/2.0 200 OK", "HTTX/1.1 200 OK",
        "http/1.1 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1 200\tOK", "HTTP/1.1 2x0 OK",
        "HTTP/1.1200 OK", " HTTP/1.1 200 OK", "hello", "HTTP/1.1 099 OK", "HTTP/1.1 600 OK",
        "HTTP/1.1 200 O\x01K", "HTTP/1.1 200 O\rK", "HTTP/0.9 200 OK"}) {
    EXPECT_EQ(Response(std::string(line) + "\r\n\r\n").cause(), Cause::ResponseInvalid) << line;
  }
  EXPECT_EQ(Response("\r\nHTTP/1.1 200 OK\r\n\r\n").cause(), Cause::ResponseInvalid);
}

TEST(H1Response, an_empty_or_missing_reason_is_fine) {
  EXPECT_EQ(Response("HTTP/1.1 200 \r\n\r\n").head.reason, "");
  EXPECT_EQ(Response("HTTP/1.1 200\r\n\r\n").result.status, HeadStatus::Complete);
  EXPECT_EQ(Response("HTTP/1.1 599 Odd\r\n\r\n").head.status, 599);
}

TEST(H1Response, what_is_no_http_is_refused_at_its_first_bytes) {
  EXPECT_EQ(Response("h").cause(), Cause::ResponseInvalid);
  EXPECT_EQ(Response("HTTP/2").cause(), Cause::ResponseInvalid);
  EXPECT_EQ(Response("HTTP/1.1 2").result.status, HeadStatus::Incomplete);
}

TEST(H1Response, lines_follow_the_rules_of_requests) {
  for (const char* lines : {"X(A): b\r\n", "X-A: b\r\n c\r\n", "X-A : b\r\n", "X-A: b\n",
                            "X-A: b\rc\r\n", "X-A\r\n", "X: \x7f\r\n", " X: y\r\n", ": y\r\n"}) {
    EXPECT_EQ(response_fields(lines).cause(), Cause::ResponseInvalid) << lines;
  }
  EXPECT_EQ(Response("HTTP/1.1 200 OK\n\n").cause(), Cause::ResponseInvalid);
}

TEST(H1Response, framing_that_is_in_doubt_is_refused) {
  for (const char* lines :
       {"Content-Length: 2x\r\n", "Content-Length: \r\n",
        "Content-Length: 18446744073709551618\r\n", "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: xyz\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: \r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"}) {
    EXPECT_EQ(response_fields(lines).cause(), Cause::ResponseInvalid) << lines;
  }
  EXPECT_EQ(Response("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").cause(),
            Cause::ResponseInvalid);
}

TEST(H1Response, chunked_frames_the_body) {
  const Response r = response_fields("Transfer-Encoding: Chunked\r\n");
  EXPECT_EQ(r.head.framing, Framing::Chunked);
  EXPECT_TRUE(r.head.keep_alive);
}

TEST(H1Response, without_framing_the_body_ends_by_close) {
  const Response r = response_fields("X: y\r\n");
  EXPECT_EQ(r.head.framing, Framing::UntilClose);
  EXPECT_FALSE(r.head.keep_alive);
}

TEST(H1Response, head_and_304_have_a_length_but_no_body) {
  const Response head = response_fields("Content-Length: 100\r\n", Method::Head);
  EXPECT_EQ(head.head.framing, Framing::None);
  EXPECT_TRUE(head.head.has_content_length);
  EXPECT_TRUE(head.head.keep_alive);
  EXPECT_EQ(response_fields("Transfer-Encoding: chunked\r\n", Method::Head).head.framing,
            Framing::None);
  EXPECT_EQ(Response("HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n").head.framing, Framing::None);
  EXPECT_TRUE(response_fields("", Method::Head).head.keep_alive);
}

TEST(H1Response, a_204_that_announces_a_body_spoils_its_connection) {
  const Response r("HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(r.head.framing, Framing::None);
  EXPECT_FALSE(r.head.keep_alive);
  EXPECT_TRUE(Response("HTTP/1.1 204 X\r\n\r\n").head.keep_alive);
}

TEST(H1Response, interim_heads_have_no_body) {
  const Response r("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
  EXPECT_TRUE(r.head.interim());
  EXPECT_EQ(r.head.framing, Framing::None);
  EXPECT_EQ(r.result.consumed, r.bytes.size() - 19);
}

TEST(H1Response, a_101_is_taken_only_when_it_was_asked_for) {
  const std::string bytes = "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
  EXPECT_EQ(Response(bytes).cause(), Cause::ResponseInvalid);
  const Response asked(bytes, Method::Get, true);
  EXPECT_EQ(asked.head.upgrade, "websocket");
  EXPECT_FALSE(asked.head.keep_alive);
  EXPECT_EQ(Response("HTTP/1.1 101 X\r\n\r\n", Method::Get, true).cause(), Cause::ResponseInvalid);
}

TEST(H1Response, close_and_version_decide_about_reuse) {
  EXPECT_FALSE(response_fields("Connection: close\r\nContent-Length: 0\r\n").head.keep_alive);
  EXPECT_FALSE(Response("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").head.keep_alive);
  EXPECT_TRUE(Response("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")
                  .head.keep_alive);
}

TEST(H1Response, limits_have_a_cause_of_their_own) {
  const std::string bytes = "HTTP/1.1 200 OK\r\nX: y\r\nX: y\r\n\r\n";
  const auto limited = [&](std::uint32_t head, std::uint32_t line, std::uint32_t count) {
    return Response(bytes, Method::Get, false,
                    {.head_bytes = head, .line_bytes = line, .field_count = count})
        .cause();
  };
  const auto size = static_cast<std::uint32_t>(bytes.size());
  EXPECT_EQ(limited(size, 15, 2), Cause::None);
  EXPECT_EQ(limited(size - 1, 15, 2), Cause::ResponseHeadTooLarge);
  EXPECT_EQ(limited(size, 14, 2), Cause::ResponseHeadTooLarge);
  EXPECT_EQ(limited(size, 15, 1), Cause::ResponseHeadTooLarge);
}

TEST(H1Response, any_split_of_the_bytes_gives_the_same_result) {
  for (const std::string bytes :
       {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 200 OK\nX: y\n\n", "HTTP/1.1 200 OK\r\nX(: y\r\n\r\n", "HTTP/1.1 1000 X\r\n\r\n",
        "\x01garbage\r\n\r\n"}) {
    const Response whole(bytes);
    HeadStorage storage;
    ResponseHead head;
    std::uint32_t scanned = 0;
    HeadResult result;
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
      result = parse_response(std::string_view(bytes).substr(0, size), scanned, {}, storage,
                              Method::Get, false, head);
      if (result.status != HeadStatus::Incomplete) break;
    }
    EXPECT_EQ(result.status, whole.result.status) << bytes;
    EXPECT_EQ(result.consumed, whole.result.consumed) << bytes;
  }
}

}  // namespace
}  // namespace engine::http
