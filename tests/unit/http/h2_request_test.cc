// SPDX-License-Identifier: GPL-3.0-or-later
// One test per rule about requests of HTTP/2 (RFC 9113 section 8): a malformed one is reset with
// PROTOCOL_ERROR and never told of; a good one reads like one of HTTP/1.
#include <gtest/gtest.h>

#include "engine/http/rules.h"
#include "tests/unit/http/h2_support.h"

namespace engine::http::h2 {
namespace {

using namespace std::string_literals;

void expect_malformed(const Fields& fields, int flags = kWhole | kEnd) {
  Talk talk;
  talk.feed(headers(1, fields, flags));
  EXPECT_EQ(talk.log, "");
  EXPECT_EQ(talk.reset_code(1), NGHTTP2_PROTOCOL_ERROR);
  EXPECT_FALSE(talk.codec.failed());
  talk.feed(headers(3, request()));
  EXPECT_EQ(talk.log, "request 3 GET a.test /x?q=1\nend 3 \n") << "the connection goes on";
}

void expect_malformed_with(const std::string& name, const std::string& value) {
  SCOPED_TRACE(name + ": " + value);
  expect_malformed(request("GET", {{name, value}}));
}

// What HTTP/1 the request becomes.
std::string forwarded(const Fields& fields, int flags = kWhole | kEnd) {
  Talk talk;
  talk.feed(headers(1, fields, flags));
  if (!talk.log.starts_with("request")) return talk.log;
  HeadStorage storage;
  RequestHead head;
  const HeadResult again =
      parse_h2_request(talk.last_lines->view(), H2Limits{}.head, storage, head);
  EXPECT_EQ(again.status, HeadStatus::Complete);
  Forwarding how;
  how.framing = head.framing;
  how.content_length = head.content_length;
  how.keep_upgrade = true;
  how.client_address = "192.0.2.1";
  how.scheme = "https";
  std::array<char, 8192> out;
  return {out.data(), write_request(head, how, out)};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(H2Request, pseudo_fields_come_once_first_and_are_known) {
  for (const char* name : {":method", ":scheme", ":path"})
    expect_malformed(without(request(), name));
  expect_malformed(without(request(), ":authority"));
  for (const char* name : {":method", ":scheme", ":path", ":authority"}) {
    Fields twice = request();
    twice.emplace_back(name, "/x");
    expect_malformed(twice);
  }
  expect_malformed_with(":unknown", "x");
  expect_malformed_with(":status", "200");
  expect_malformed_with(":ends", "yes");
  Fields late = without(request(), ":path");
  late.emplace_back("a", "b");
  late.emplace_back(":path", "/");
  expect_malformed(late);
}

TEST(H2Request, pseudo_fields_have_no_place_in_trailers) {
  Talk talk;
  talk.feed(headers(1, request("POST"), kWhole) + headers(1, {{":path", "/"}}));
  EXPECT_EQ(talk.reset_code(1), NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(talk.log, "request 1 POST a.test /x?q=1\nclosed 1 1\n");
}

TEST(H2Request, a_method_is_a_token) {
  for (const char* method : {"", "G ET", "GET / HTTP/1.1\r\nX: y", "GE\tT", "G:T"})
    expect_malformed(request(method));
}

TEST(H2Request, a_scheme_is_http_or_https) {
  for (const char* scheme : {"", "ftp", "https://evil.test/x?", "http s"})
    expect_malformed(request("GET", {{":scheme", scheme}}));
}

TEST(H2Request, a_path_is_in_origin_form) {
  for (const std::string& path :
       {""s, "x"s, "*"s, "https://a.test/"s, "\\x"s, "/a b"s, "/a#b"s, "/a\r\nX: y"s, "/a\0"s,
        "/\x7f"s, "/\xc3\xa4"s, "/%"s, "/%zz"s, "?x"s}) {
    SCOPED_TRACE(path);
    expect_malformed(request("GET", {{":path", path}}));
  }
  EXPECT_TRUE(has(forwarded(request("OPTIONS", {{":path", "*"}})), "OPTIONS * HTTP/1.1\r\n"));
}

TEST(H2Request, an_authority_is_a_host_and_a_port) {
  for (const std::string& authority : {""s, "user@a.test"s, "a.test:0"s, "a.test:99999"s, "a,b"s,
                                       "a/b"s, "a b"s, "a\r\nX: y"s, "a\0b"s, "[::1"s, "a..b"s}) {
    SCOPED_TRACE(authority);
    expect_malformed(request("GET", {{":authority", authority}}));
  }
}

TEST(H2Request, host_says_the_same_as_the_authority) {
  expect_malformed_with("host", "b.test");
  expect_malformed_with("host", "user@a.test");
  expect_malformed(request("GET", {{"host", "a.test"}, {"host", "a.test"}}));
  EXPECT_TRUE(has(forwarded(request("GET", {{"host", "A.test"}})), "Host: a.test\r\n"));
}

TEST(H2Request, host_alone_is_enough) {
  Fields fields = without(request(), ":authority");
  expect_malformed(fields);
  fields.emplace_back("host", "b.test");
  EXPECT_TRUE(has(forwarded(fields), "\r\nHost: b.test\r\n"));
}

TEST(H2Request, field_names_are_tokens_in_small_letters) {
  for (const std::string& name :
       {""s, "X-Upper"s, "a b"s, "a:b"s, "a\r\nx"s, "a\0"s, "\xc3\xa4"s, "a\nb"s})
    expect_malformed_with(name, "x");
}

TEST(H2Request, field_values_have_no_line_ends_controls_or_blanks_around) {
  for (const std::string& value :
       {"a\r\nX: y"s, "a\n"s, "a\rb"s, "a\0b"s, " a"s, "a "s, "\ta"s, "a\t"s, "a\x01"s, "a\x7f"s})
    expect_malformed_with("x", value);
  EXPECT_TRUE(has(forwarded(request("GET", {{"x", "a\tb\xff"}})), "x: a\tb\xff\r\n"));
  EXPECT_TRUE(has(forwarded(request("GET", {{"x", ""}})), "x: \r\n"));
}

TEST(H2Request, fields_of_a_connection_are_malformed) {
  for (const char* name :
       {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})
    expect_malformed_with(name, "chunked");
}

TEST(H2Request, te_is_trailers_or_malformed) {
  expect_malformed_with("te", "gzip");
  expect_malformed_with("te", "trailers, deflate");
  EXPECT_TRUE(has(forwarded(request("GET", {{"te", "trailers"}})), "\r\nTE: trailers\r\n"));
}

TEST(H2Request, content_length_is_a_number_that_comes_once) {
  for (const char* length : {"", "-1", "+1", "1x", "1,1", "99999999999999999999"})
    expect_malformed(request("POST", {{"content-length", length}}), kWhole);
  expect_malformed(request("POST", {{"content-length", "1"}, {"content-length", "1"}}), kWhole);
  expect_malformed(request("POST", {{"content-length", "5"}}));
}

TEST(H2Request, content_length_is_the_sum_of_the_data) {
  const std::string start = headers(1, request("POST", {{"content-length", "5"}}), kWhole);
  for (const std::string& rest :
       {data(1, "hell", kEnd), data(1, "hello!", kEnd), data(1, "hello") + data(1, "!"),
        data(1, "hell") + headers(1, {})}) {
    Talk talk;
    talk.feed(start + rest);
    EXPECT_EQ(talk.reset_code(1), NGHTTP2_PROTOCOL_ERROR);
    EXPECT_EQ(talk.log.find("end"), std::string::npos);
    EXPECT_TRUE(talk.log.ends_with("closed 1 1\n"));
  }
  Talk talk;
  talk.feed(start + data(1, "hel") + data(1, "lo", kEnd));
  EXPECT_TRUE(talk.log.ends_with("data 1 hello\nend 1 \n"));
}

TEST(H2Request, framing_follows_from_length_and_end) {
  Talk talk;
  talk.feed(headers(1, request()));
  EXPECT_EQ(talk.last_head.framing, Framing::None);
  talk.feed(headers(3, request("POST"), kWhole));
  EXPECT_EQ(talk.last_head.framing, Framing::Chunked);
  talk.feed(headers(5, request("POST", {{"content-length", "7"}}), kWhole));
  EXPECT_EQ(talk.last_head.framing, Framing::Length);
  EXPECT_EQ(talk.last_head.content_length, 7u);
}

TEST(H2Request, trailers_end_the_request_or_are_malformed) {
  Talk talk;
  talk.feed(headers(1, request("POST"), kWhole) + headers(1, {{"x", "y"}}, kWhole));
  EXPECT_EQ(talk.reset_code(1), NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(talk.log.find("end"), std::string::npos);
}

TEST(H2Request, trailers_are_limited) {
  Talk talk;
  talk.feed(headers(1, request("POST"), kWhole) + headers(1, Fields(65, {"x", "y"})));
  EXPECT_EQ(talk.reset_code(1), NGHTTP2_PROTOCOL_ERROR);
  talk.feed(headers(3, request("POST"), kWhole) + headers(3, Fields(64, {"x", "y"})));
  EXPECT_TRUE(talk.log.contains("end 3 x: y\r\n"));
}

TEST(H2Request, connect_needs_a_protocol) {
  Talk talk;
  talk.feed(headers(1, {{":method", "CONNECT"}, {":authority", "a.test:443"}}, kWhole));
  EXPECT_EQ(talk.last_cause, base::Cause::MethodRefused);
  expect_malformed(request("CONNECT"), kWhole);
  expect_malformed(request("GET", {{":protocol", "websocket"}}));
  expect_malformed(request("CONNECT", {{":protocol", "web socket"}}), kWhole);
}

TEST(H2Request, extended_connect_reads_like_an_upgrade) {
  const std::string text =
      forwarded(request("CONNECT", {{":protocol", "websocket"}, {":path", "/chat"}}), kWhole);
  EXPECT_TRUE(text.starts_with("GET /chat HTTP/1.1\r\n")) << text;
  EXPECT_TRUE(has(text, "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")) << text;
  EXPECT_FALSE(has(text, "chunked")) << text;
}

TEST(H2Request, a_request_is_forwarded_like_one_of_http_1) {
  const std::string text = forwarded(
      request("POST",
              {{"cookie", "a=1"}, {"x-a", "b"}, {"cookie", "b=2"}, {"content_length", "0"}}),
      kWhole);
  EXPECT_TRUE(text.starts_with("POST /x?q=1 HTTP/1.1\r\nHost: a.test\r\nx-a: b\r\n")) << text;
  EXPECT_TRUE(has(text, "\r\nCookie: a=1; b=2\r\n")) << text;
  EXPECT_TRUE(has(text, "\r\nTransfer-Encoding: chunked\r\n")) << text;
  EXPECT_TRUE(has(text, "\r\nVia: 2 engine\r\n")) << text;
  EXPECT_FALSE(has(text, "content_length")) << text;
}

TEST(H2Request, what_is_not_malformed_but_not_taken_either_is_refused_with_a_cause) {
  H2Limits limits;
  limits.head.line_bytes = 100;
  const auto cause = [&](const Fields& fields) {
    Talk talk(limits);
    talk.feed(headers(1, fields, kWhole) + data(1, "x") + data(1, "y", kEnd));
    EXPECT_TRUE(talk.log.starts_with("refused 1 ")) << talk.log;
    EXPECT_EQ(talk.log.find("data"), std::string::npos);
    talk.codec.respond(talk.stream(1), "HTTP/1.1 400 Bad\r\n\r\n", H2Codec::Body::None);
    EXPECT_EQ(talk.produced(NGHTTP2_HEADERS).size(), 1u);
    return talk.last_cause;
  };
  EXPECT_EQ(cause(request("TRACE")), base::Cause::MethodRefused);
  EXPECT_EQ(cause(request("PRI")), base::Cause::MethodRefused);
  EXPECT_EQ(cause(request("POST", {{"expect", "magic"}})), base::Cause::ExpectationRefused);
  EXPECT_EQ(cause(request("GET", {{":path", "/" + std::string(100, 'p')}})),
            base::Cause::TargetTooLong);
}

TEST(H2Request, the_number_of_fields_is_limited) {
  H2Limits limits;
  limits.head.field_count = 10;
  Talk talk(limits);
  talk.feed(headers(1, request("GET", Fields(10, {"a", "b"}))));
  EXPECT_TRUE(talk.log.starts_with("request 1"));
  talk.feed(headers(3, request("GET", Fields(11, {"a", "b"}))));
  EXPECT_EQ(talk.last_cause, base::Cause::HeadTooLarge);
}

TEST(H2Request, the_size_of_the_section_is_limited_as_it_is_announced) {
  Fields fields = request();
  std::size_t bytes = 0;
  for (const auto& [name, value] : fields) bytes += name.size() + value.size() + 32;
  H2Limits limits;
  limits.head.head_bytes = static_cast<std::uint32_t>(bytes);
  Talk fits(limits);
  fits.feed(headers(1, fields));
  EXPECT_TRUE(fits.log.starts_with("request 1"));

  --limits.head.head_bytes;
  Talk exceeds(limits);
  exceeds.feed(headers(1, fields));
  EXPECT_EQ(exceeds.last_cause, base::Cause::HeadTooLarge);
}

TEST(H2Request, expect_and_hops_and_accept_are_read) {
  Talk talk;
  talk.feed(headers(1,
                    request("POST", {{"expect", "100-continue"},
                                     {"x-engine-hops", "3"},
                                     {"accept", "text/html"},
                                     {"content-length", "5"}}),
                    kWhole));
  EXPECT_TRUE(talk.last_head.expect_continue);
  EXPECT_EQ(talk.last_head.hops, 3);
  EXPECT_EQ(talk.last_head.major_version, 2);
}

}  // namespace
}  // namespace engine::http::h2
