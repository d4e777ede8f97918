// SPDX-License-Identifier: GPL-3.0-or-later
// How a connection of HTTP/2 ends: orderly, or because the client broke the protocol.
#include <gtest/gtest.h>

#include "tests/unit/http/h2_support.h"

namespace engine::http::h2 {
namespace {

TEST(H2End, the_end_is_announced_and_then_final) {
  Talk talk;
  talk.feed(headers(1, request()));
  talk.codec.announce_end();
  EXPECT_EQ(talk.produced(NGHTTP2_GOAWAY).at(0).number_at(0), 0x7fffffffu);
  talk.feed(headers(3, request()));

  talk.codec.accept_no_more();
  EXPECT_EQ(talk.produced(NGHTTP2_GOAWAY).at(0).number_at(0), 3u);
  talk.feed(headers(5, request("POST"), kWhole) + data(5, "x", kEnd));

  EXPECT_EQ(talk.log.find("request 5"), std::string::npos);
  EXPECT_FALSE(talk.codec.finished());
  talk.respond(1);
  talk.respond(3);
  talk.produce();
  EXPECT_TRUE(talk.codec.finished());
  EXPECT_FALSE(talk.codec.failed());
}

TEST(H2End, a_failure_closes_every_stream_once_and_says_why) {
  Talk talk;
  talk.feed(headers(1, request()) + headers(3, request("POST"), kWhole));
  talk.log.clear();

  talk.feed(data(0, "x"));

  EXPECT_EQ(talk.goaway_code(), NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(talk.log, "closed 1 1\nclosed 3 1\n");
  EXPECT_TRUE(talk.codec.failed());
  EXPECT_EQ(talk.codec.error(), H2Error::Protocol);
  talk.feed(headers(5, request()));
  EXPECT_EQ(talk.log, "closed 1 1\nclosed 3 1\n");
  EXPECT_TRUE(talk.codec.finished());
}

TEST(H2End, another_preface_ends_the_connection) {
  Talk talk;
  H2Codec codec(talk, talk.blocks, *talk.storage, talk.head, {});
  codec.feed("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", talk.now);
  EXPECT_TRUE(codec.failed());
  EXPECT_EQ(codec.error(), H2Error::Protocol);
}

struct Broken {
  const char* what;
  std::string frames;
  int code;
};

TEST(H2End, broken_framing_ends_the_connection_with_its_code) {
  const std::string done = headers(1, request("POST")) + headers(3, request(), kWhole);
  const Broken cases[] = {
      {"data on stream 0", data(0, "x"), NGHTTP2_PROTOCOL_ERROR},
      {"headers on stream 0", headers(0, request()), NGHTTP2_PROTOCOL_ERROR},
      {"an even stream", headers(2, request()), NGHTTP2_PROTOCOL_ERROR},
      {"data on an idle stream", data(9, "x"), NGHTTP2_PROTOCOL_ERROR},
      {"streams backwards", headers(5, request()) + headers(3, request()), NGHTTP2_PROTOCOL_ERROR},
      {"data after the end", done + data(1, "x"), NGHTTP2_STREAM_CLOSED},
      {"headers after the end", done + headers(1, {{"a", "b"}}), NGHTTP2_STREAM_CLOSED},
      {"data after a reset", done + rst_stream(3) + data(3, "x"), NGHTTP2_STREAM_CLOSED},
      {"headers after a reset", done + rst_stream(3) + headers(3, {}), NGHTTP2_STREAM_CLOSED},
      {"a frame inside a block", headers(1, request(), 0) + ping(), NGHTTP2_PROTOCOL_ERROR},
      {"padding past the payload", headers(1, request("POST"), kWhole) + data(1, "\x9x", 8),
       NGHTTP2_PROTOCOL_ERROR},
      {"an HPACK index out of range", frame(NGHTTP2_HEADERS, kWhole, 1, "\xff\xff\x7f"),
       NGHTTP2_COMPRESSION_ERROR},
      {"SETTINGS of 5 bytes", settings("12345"), NGHTTP2_FRAME_SIZE_ERROR},
      {"SETTINGS ack with payload", settings("123456", 1), NGHTTP2_FRAME_SIZE_ERROR},
      {"ENABLE_PUSH of 2", settings(setting(2, 2)), NGHTTP2_PROTOCOL_ERROR},
      {"frames of 1 byte", settings(setting(5, 1)), NGHTTP2_PROTOCOL_ERROR},
      {"a window too large", window_update(0, 0x7fffffff), NGHTTP2_FLOW_CONTROL_ERROR},
      {"a window step of 0", window_update(0, 0), NGHTTP2_PROTOCOL_ERROR},
      {"a window step of 3 bytes", frame(NGHTTP2_WINDOW_UPDATE, 0, 0, "abc"),
       NGHTTP2_FRAME_SIZE_ERROR},
      {"a frame too large", data(1, std::string(16'385, 'x')), NGHTTP2_FRAME_SIZE_ERROR},
      {"a push by a client", frame(NGHTTP2_PUSH_PROMISE, kWhole, 1, number(2, 4)),
       NGHTTP2_PROTOCOL_ERROR},
      {"priority on stream 0", frame(NGHTTP2_PRIORITY, 0, 0, number(1, 4) + "x"),
       NGHTTP2_PROTOCOL_ERROR},
      {"priority on itself", frame(NGHTTP2_PRIORITY, 0, 3, number(3, 4) + "x"),
       NGHTTP2_PROTOCOL_ERROR},
      {"a reset of an idle stream", rst_stream(9), NGHTTP2_PROTOCOL_ERROR},
  };
  for (const Broken& each : cases) {
    Talk talk;
    talk.feed(each.frames, 3);
    EXPECT_EQ(talk.goaway_code(), each.code) << each.what;
    EXPECT_TRUE(talk.codec.failed()) << each.what;
    EXPECT_TRUE(talk.streams.empty()) << each.what;
  }
}

TEST(H2End, streams_past_the_limit_are_refused_and_their_content_ignored) {
  H2Limits limits;
  limits.streams_max = 1;
  Talk talk(limits);
  talk.feed(headers(1, request()) + headers(3, request("POST"), kWhole) + data(3, "x", kEnd));
  EXPECT_EQ(talk.reset_code(3), NGHTTP2_REFUSED_STREAM);
  talk.feed(data(3, "late"));
  EXPECT_EQ(talk.log, "request 1 GET a.test /x?q=1\nend 1 \n");
  EXPECT_FALSE(talk.codec.failed());
}

TEST(H2End, an_idle_connection_holds_no_blocks) {
  Talk talk;
  talk.feed(headers(1, request()) + headers(3, request("GET", {{"te", "x"}})));
  talk.respond(1, "", false);
  talk.produce();
  talk.last_lines.reset();
  EXPECT_EQ(talk.blocks.blocks_out(), 0u);
}

}  // namespace
}  // namespace engine::http::h2
