// SPDX-License-Identifier: GPL-3.0-or-later
// One test per rule about responses of HTTP/2 (RFC 9113 section 8): a malformed one is reset with
// PROTOCOL_ERROR and never told of; a good one reads like one of HTTP/1.
#include <gtest/gtest.h>

#include <array>

#include "engine/http/rules.h"
#include "tests/unit/http/h2_client_support.h"

namespace engine::http::h2 {
namespace {

using namespace std::string_literals;

// `expected` is what was told before the fault.
void expect_malformed(const std::string& frames, const std::string& expected = {},
                      int code = NGHTTP2_PROTOCOL_ERROR) {
  Caller caller;
  caller.get();
  caller.produce();
  caller.feed(frames);
  EXPECT_EQ(caller.reset_code(1), code);
  EXPECT_EQ(caller.log, expected + "closed 1 " + std::to_string(code) + "\n");
  EXPECT_FALSE(caller.codec.failed());

  caller.log.clear();
  caller.get();
  caller.produce();
  caller.feed(headers(3, answer()));
  EXPECT_EQ(caller.log, "response 3 200\nend 3 \nclosed 3 0\n") << "the connection goes on";
}

void expect_malformed_with(const std::string& name, const std::string& value) {
  SCOPED_TRACE(name + ": " + value);
  expect_malformed(headers(1, answer("200", {{name, value}})));
}

// ---- Malformed.

TEST(H2Response, a_status_is_three_digits_in_its_range) {
  for (const std::string& status :
       {""s, "20"s, "2000"s, "2x0"s, "+20"s, " 20"s, "099"s, "600"s, "999"s, "101"s, "20\r"s})
    expect_malformed(headers(1, answer(status)));
}

TEST(H2Response, pseudo_fields_are_the_status_alone_once_and_first) {
  expect_malformed(headers(1, {{"a", "b"}}));
  expect_malformed(headers(1, {}));
  expect_malformed_with(":status", "200");
  expect_malformed_with(":path", "/");
  expect_malformed_with(":unknown", "x");
  expect_malformed(headers(1, {{"a", "b"}, {":status", "200"}}));
}

TEST(H2Response, names_are_tokens_in_small_letters) {
  for (const std::string& name : {""s, "X-A"s, "a b"s, "a:b"s, "a\r\nb"s, "a\0b"s, "\xc3\xa4"s})
    expect_malformed_with(name, "x");
}

TEST(H2Response, values_hold_no_control_characters_and_no_blanks_around) {
  for (const std::string& value : {"a\r\nb: c"s, "a\nb"s, "a\0"s, "\x7f"s, " a"s, "a "s, "\ta"s})
    expect_malformed_with("x", value);
}

TEST(H2Response, fields_of_a_connection_are_refused) {
  expect_malformed_with("connection", "close");
  expect_malformed_with("keep-alive", "timeout=5");
  expect_malformed_with("proxy-connection", "close");
  expect_malformed_with("transfer-encoding", "chunked");
  expect_malformed_with("upgrade", "h2c");
  expect_malformed_with("te", "trailers");
}

TEST(H2Response, a_length_is_one_number) {
  for (const std::string& length : {""s, "-1"s, "+1"s, "1,1"s, "0x1"s, "9999999999999999999"s})
    expect_malformed(headers(1, answer("200", {{"content-length", length}}), kWhole));
  expect_malformed(
      headers(1, answer("200", {{"content-length", "1"}, {"content-length", "1"}}), kWhole));
}

TEST(H2Response, content_is_as_long_as_the_length_says) {
  const std::string head = headers(1, answer("200", {{"content-length", "3"}}), kWhole);
  expect_malformed(head + data(1, "1234"), "response 1 200\n");
  expect_malformed(head + data(1, "12", kEnd), "response 1 200\ndata 1 12\n");
  expect_malformed(head + data(1, "12") + headers(1, {{"a", "b"}}), "response 1 200\ndata 1 12\n");
  expect_malformed(headers(1, answer("200", {{"content-length", "3"}})));
}

TEST(H2Response, where_no_content_may_be_none_is_taken) {
  for (const char* status : {"204", "304"}) {
    expect_malformed(headers(1, answer(status), kWhole) + data(1, "x", kEnd),
                     "response 1 "s + status + "\n");
  }
}

TEST(H2Response, content_before_the_final_head_is_malformed) {
  expect_malformed(headers(1, answer("103"), kWhole) + data(1, "x"), "response 1 103\n");
}

TEST(H2Response, an_interim_head_neither_ends_the_stream_nor_has_a_length) {
  expect_malformed(headers(1, answer("103")));
  expect_malformed(headers(1, answer("103", {{"content-length", "1"}}), kWhole));
}

TEST(H2Response, a_second_final_head_is_malformed) {
  expect_malformed(headers(1, answer(), kWhole) + headers(1, answer()), "response 1 200\n");
  expect_malformed(headers(1, answer(), kWhole) + headers(1, {{"a", "b"}}, kWhole),
                   "response 1 200\n");
}

TEST(H2Response, trailers_obey_the_rules_of_fields) {
  const std::string head = headers(1, answer(), kWhole);
  expect_malformed(head + headers(1, {{"a", "b\r\nc: d"}}), "response 1 200\n");
  expect_malformed(head + headers(1, {{"A", "b"}}), "response 1 200\n");
  expect_malformed(head + headers(1, Fields(65, {"a", "b"})), "response 1 200\n");
}

TEST(H2Response, a_head_past_the_limits_ends_its_stream_with_its_own_code) {
  H2Limits limits;
  Fields many = answer();
  for (std::uint32_t i = 0; i <= limits.head.field_count; ++i) many.emplace_back("a", "b");
  expect_malformed(headers(1, many), {}, NGHTTP2_ENHANCE_YOUR_CALM);
  expect_malformed(headers(1, many, kWhole), {}, NGHTTP2_ENHANCE_YOUR_CALM);

  many.pop_back();
  Caller caller;
  caller.get();
  caller.produce();
  caller.feed(headers(1, many));
  EXPECT_EQ(caller.log, "response 1 200\nend 1 \nclosed 1 0\n");
}

// ---- Good.

struct Reads {
  const char* what;
  std::string frames;
  Framing framing;
  std::uint64_t length;
};

TEST(H2Response, framing_says_what_follows) {
  const auto with_length = answer("200", {{"content-length", "2"}});
  const Reads cases[] = {
      {"a length", headers(1, with_length, kWhole) + data(1, "ab", kEnd), Framing::Length, 2},
      {"no length", headers(1, answer(), kWhole) + data(1, "ab", kEnd), Framing::Chunked, 0},
      {"an end with the head", headers(1, answer()), Framing::None, 0},
      {"a length of 0", headers(1, answer("200", {{"content-length", "0"}})), Framing::None, 0},
      {"an empty end", headers(1, answer("204"), kWhole) + data(1, "", kEnd), Framing::None, 0},
      {"not modified", headers(1, answer("304", {{"content-length", "9"}})), Framing::None, 9},
  };
  for (const Reads& each : cases) {
    Caller caller;
    caller.get();
    caller.produce();
    caller.feed(each.frames);
    EXPECT_EQ(caller.last_head.framing, each.framing) << each.what;
    EXPECT_EQ(caller.last_head.content_length, each.length) << each.what;
    EXPECT_TRUE(caller.log.ends_with("end 1 \nclosed 1 0\n")) << each.what;
  }
}

TEST(H2Response, an_answer_to_head_keeps_its_length_and_has_no_content) {
  Caller caller;
  caller.head_only();
  caller.head_only();
  caller.produce();
  caller.feed(headers(1, answer("200", {{"content-length", "100"}})));
  EXPECT_EQ(caller.log, "response 1 200\nend 1 \nclosed 1 0\n");
  EXPECT_EQ(caller.last_head.framing, Framing::None);
  EXPECT_TRUE(caller.last_head.has_content_length);
  EXPECT_EQ(caller.last_head.content_length, 100u);

  caller.feed(headers(3, answer(), kWhole) + data(3, "x", kEnd));
  EXPECT_EQ(caller.last_head.framing, Framing::None);
  EXPECT_EQ(caller.reset_code(3), NGHTTP2_PROTOCOL_ERROR);
}

TEST(H2Response, interim_heads_come_before_the_final_one) {
  Caller caller;
  caller.get();
  caller.produce();
  caller.feed(headers(1, answer("100"), kWhole) +
              headers(1, answer("103", {{"link", "</a>"}}), kWhole) + headers(1, answer()));
  EXPECT_EQ(caller.log, "response 1 100\nresponse 1 103\nresponse 1 200\nend 1 \nclosed 1 0\n");
}

TEST(H2Response, trailers_alone_are_a_head_that_ends_the_stream) {
  Caller caller;
  caller.get();
  caller.produce();
  caller.feed(headers(1, answer("200", {{"grpc-status", "5"}})));
  EXPECT_EQ(caller.log, "response 1 200\nend 1 \nclosed 1 0\n");
  EXPECT_EQ(caller.last_fields, "grpc-status: 5\n");
}

TEST(H2Response, of_trailers_only_those_that_may_be_forwarded_are_told) {
  Caller caller;
  caller.get();
  caller.produce();
  caller.feed(headers(1, answer(), kWhole) +
              headers(1, {{"grpc-status", "0"}, {"set-cookie", "a=b"}, {"location", "/"}}));
  EXPECT_EQ(caller.log, "response 1 200\nend 1 grpc-status: 0\r\n\nclosed 1 0\n");
}

TEST(H2Response, it_becomes_a_head_of_http_1_that_names_its_version) {
  Caller caller;
  std::string sent;
  caller.when_answered = [&](H2Stream&) {
    ResponseForwarding how;
    how.framing = caller.head.framing;
    std::array<char, 1024> out;
    sent.assign(out.data(), write_response(caller.head, how, out));
    EXPECT_EQ(caller.head.content_type, "a/b");
    EXPECT_TRUE(caller.head.has_date);
    EXPECT_TRUE(caller.head.has_server);
    EXPECT_TRUE(caller.head.keep_alive);
  };
  caller.get();
  caller.produce();
  caller.feed(
      headers(1, answer("200", {{"content-type", "a/b"}, {"date", "x"}, {"server", "y"}}), kWhole));
  EXPECT_EQ(sent,
            "HTTP/1.1 200 OK\r\ncontent-type: a/b\r\ndate: x\r\nserver: y\r\n"
            "Transfer-Encoding: chunked\r\nVia: 2 engine\r\n\r\n");
}

}  // namespace
}  // namespace engine::http::h2
