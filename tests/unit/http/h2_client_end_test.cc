// SPDX-License-Identifier: GPL-3.0-or-later
// How streams of a client end before their time, which may be tried again, and what a target may not
// do to a connection.
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/http/h2_client_support.h"

namespace engine::http::h2 {
namespace {

using Kind = H2Abuse::Kind;

std::string goaway(std::uint32_t last, std::uint32_t code = NGHTTP2_NO_ERROR) {
  return frame(NGHTTP2_GOAWAY, 0, 0, number(last, 4) + number(code, 4));
}

// ---- Streams.

TEST(H2ClientEnd, a_cancelled_stream_is_reset_and_heard_of_no_more) {
  Caller caller;
  caller.get();
  caller.produce();

  caller.codec.reset(caller.stream(1), H2Error::Cancel);

  EXPECT_EQ(caller.codec.streams(), 0u);
  EXPECT_EQ(caller.reset_code(1), NGHTTP2_CANCEL);
  caller.feed(headers(1, answer(), kWhole) + data(1, "late", kEnd) + rst_stream(1));
  EXPECT_EQ(caller.log, "");
  EXPECT_FALSE(caller.codec.failed());
}

TEST(H2ClientEnd, a_request_cancelled_before_it_is_sent_never_leaves) {
  Caller caller;
  caller.get();
  caller.get();
  caller.codec.reset(caller.stream(1), H2Error::Cancel);

  const Frames frames = caller.produce();

  const Frames heads = of_type(frames, NGHTTP2_HEADERS);
  ASSERT_EQ(heads.size(), 1u);
  EXPECT_EQ(heads[0].stream, 3u);
  EXPECT_EQ(reset_code_in(frames, 1), -1);
  EXPECT_EQ(caller.log, "");
}

TEST(H2ClientEnd, a_refused_stream_may_be_tried_again) {
  Caller caller;
  caller.get();
  caller.produce();
  caller.feed(rst_stream(1, NGHTTP2_REFUSED_STREAM));
  EXPECT_EQ(caller.log, "closed 1 7 unprocessed\n");
}

TEST(H2ClientEnd, a_stream_refused_after_any_head_was_touched) {
  for (const char* status : {"100", "200"}) {
    Caller caller;
    caller.get();
    caller.produce();
    caller.feed(headers(1, answer(status), kWhole) + rst_stream(1, NGHTTP2_REFUSED_STREAM));
    EXPECT_TRUE(caller.log.ends_with("closed 1 7\n")) << caller.log;
  }
}

TEST(H2ClientEnd, any_other_reset_may_have_been_processed) {
  Caller caller;
  caller.get();
  caller.produce();
  caller.feed(rst_stream(1, NGHTTP2_INTERNAL_ERROR));
  EXPECT_EQ(caller.log, "closed 1 2\n");
}

TEST(H2ClientEnd, a_reset_without_an_error_is_no_end_of_a_response) {
  Caller caller;
  caller.get();
  caller.produce();
  caller.feed(headers(1, answer(), kWhole) + data(1, "part") + rst_stream(1, NGHTTP2_NO_ERROR));
  EXPECT_EQ(caller.log, "response 1 200\ndata 1 part\nclosed 1 1\n");
}

TEST(H2ClientEnd, a_target_that_needs_no_more_of_a_request_ends_the_stream_well) {
  Caller caller;
  caller.post("part", false);
  caller.produce();
  caller.feed(headers(1, answer("413")) + rst_stream(1, NGHTTP2_NO_ERROR));
  EXPECT_EQ(caller.log, "response 1 413\nend 1 \nclosed 1 0\n");
}

// ---- GOAWAY and limits.

TEST(H2ClientEnd, goaway_tells_which_streams_may_be_tried_again) {
  Caller caller;
  for (int i = 0; i < 3; ++i) caller.get();
  caller.produce();
  caller.get();  // not sent yet

  caller.feed(goaway(3));

  EXPECT_EQ(caller.log, "goaway\nclosed 7 7 unprocessed\nclosed 5 7 unprocessed\n");
  EXPECT_FALSE(caller.codec.may_request());
  EXPECT_FALSE(caller.codec.finished());
  EXPECT_TRUE(caller.produced(NGHTTP2_HEADERS).empty());
  caller.feed(headers(1, answer()) + headers(3, answer()));
  EXPECT_TRUE(caller.log.ends_with("closed 3 0\n"));
  EXPECT_TRUE(caller.codec.finished());
  EXPECT_FALSE(caller.codec.failed());
}

TEST(H2ClientEnd, goaway_with_the_highest_number_lets_what_was_sent_go_on) {
  Caller caller;
  caller.get();
  caller.produce();
  caller.get();
  caller.feed(goaway(0x7fffffff));
  EXPECT_EQ(caller.log, "goaway\nclosed 3 7 unprocessed\n");
  caller.feed(goaway(1) + headers(1, answer()));
  EXPECT_TRUE(caller.log.ends_with("goaway\nresponse 1 200\nend 1 \nclosed 1 0\n"));
  EXPECT_TRUE(caller.produced(NGHTTP2_HEADERS).empty());
  EXPECT_TRUE(caller.codec.finished());
}

TEST(H2ClientEnd, streams_above_goaway_that_were_answered_are_not_tried_again) {
  Caller caller;
  caller.get();
  caller.produce();
  caller.feed(headers(1, answer(), kWhole) + goaway(0));
  EXPECT_EQ(caller.log, "response 1 200\ngoaway\nclosed 1 7\n");
}

TEST(H2ClientEnd, a_hundred_streams_are_open_before_the_target_says_its_limit) {
  Caller caller({}, {}, Talk::Preface::Awaited);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(caller.codec.may_request()) << i;
    caller.get();
  }
  EXPECT_FALSE(caller.codec.may_request());
  EXPECT_DEATH(caller.get(), "takes none");
}

TEST(H2ClientEnd, the_lower_limit_of_streams_counts) {
  H2Limits three;
  three.streams_max = 3;
  for (const std::uint32_t of_target : {2U, 4U}) {
    Caller caller(three, setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, of_target));
    std::uint32_t open = 0;
    for (; caller.codec.may_request(); ++open) caller.get();
    EXPECT_EQ(open, std::min(of_target, 3U));

    caller.produce();
    caller.feed(headers(1, answer()));

    EXPECT_TRUE(caller.codec.may_request());
  }
}

TEST(H2ClientEnd, requests_past_a_limit_that_sank_wait_for_their_turn) {
  Caller caller;
  caller.get();
  caller.get();
  caller.feed(settings(setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1)));
  EXPECT_EQ(caller.produced(NGHTTP2_HEADERS).size(), 1u);
  caller.feed(headers(1, answer()));
  EXPECT_EQ(caller.produced(NGHTTP2_HEADERS).size(), 1u);
  caller.feed(headers(3, answer()));
  EXPECT_TRUE(caller.log.ends_with("closed 3 0\n"));
}

TEST(H2ClientEnd, a_head_too_large_for_the_wire_ends_its_stream_and_no_other) {
  Caller caller;
  std::string text = "GET / HTTP/1.1\r\nHost: a.test\r\n";
  for (int i = 0; i < 10; ++i) text += "X: " + std::string(60'000, 'x') + "\r\n";
  caller.ask(text + "\r\n");
  caller.get();
  EXPECT_EQ(caller.produced(NGHTTP2_HEADERS).size(), 1u);
  EXPECT_EQ(caller.log, "closed 1 2 unprocessed\n");
}

// ---- The connection.

TEST(H2ClientEnd, a_target_of_another_protocol_is_found_out_at_its_first_bytes) {
  Caller caller({}, {}, Talk::Preface::Awaited);
  caller.get();
  caller.feed("HTTP/1.1 400 Bad Request\r\n\r\n", 5);
  EXPECT_TRUE(caller.codec.failed());
  EXPECT_EQ(caller.codec.why(), "the target does not speak HTTP/2");
  EXPECT_EQ(caller.log, "closed 1 1 unprocessed\n");
  EXPECT_FALSE(caller.codec.may_request());
}

TEST(H2ClientEnd, a_failure_closes_every_stream_once_and_what_was_sent_may_not_be_retried) {
  Caller caller;
  caller.get();
  caller.produce();
  caller.get();
  caller.feed(data(0, "x"));
  EXPECT_EQ(caller.goaway_code(), NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(caller.log, "closed 3 7 unprocessed\nclosed 1 1\n");
  EXPECT_EQ(caller.codec.why(), "the target broke HTTP/2");
  caller.feed(headers(1, answer()));
  EXPECT_EQ(caller.codec.streams(), 0u);
  EXPECT_TRUE(caller.codec.finished());
}

struct Broken {
  const char* what;
  std::string frames;
  int code;
};

TEST(H2ClientEnd, broken_framing_ends_the_connection_with_its_code) {
  const std::string done = headers(1, answer());
  const Broken cases[] = {
      {"data on stream 0", data(0, "x"), NGHTTP2_PROTOCOL_ERROR},
      {"headers on stream 0", headers(0, answer()), NGHTTP2_PROTOCOL_ERROR},
      {"data before the head", data(1, "x"), NGHTTP2_PROTOCOL_ERROR},
      {"a stream that was not asked for", headers(9, answer()), NGHTTP2_PROTOCOL_ERROR},
      {"data that was not asked for", data(9, "x"), NGHTTP2_PROTOCOL_ERROR},
      {"an even stream", headers(2, answer()), NGHTTP2_PROTOCOL_ERROR},
      {"a push", frame(NGHTTP2_PUSH_PROMISE, kWhole, 1, number(2, 4) + block(request())),
       NGHTTP2_PROTOCOL_ERROR},
      {"data after the end", done + data(1, "x"), NGHTTP2_STREAM_CLOSED},
      {"headers after the end", done + headers(1, {{"a", "b"}}), NGHTTP2_STREAM_CLOSED},
      {"data after a reset", rst_stream(1) + data(1, "x"), NGHTTP2_STREAM_CLOSED},
      {"a frame inside a block", headers(1, answer(), 0) + ping(), NGHTTP2_PROTOCOL_ERROR},
      {"an HPACK index out of range", frame(NGHTTP2_HEADERS, kWhole, 1, "\xff\xff\x7f"),
       NGHTTP2_COMPRESSION_ERROR},
      {"SETTINGS of 5 bytes", settings("12345"), NGHTTP2_FRAME_SIZE_ERROR},
      {"ENABLE_PUSH of a server", settings(setting(2, 1)), NGHTTP2_PROTOCOL_ERROR},
      {"CONNECT taken back", settings(setting(8, 1)) + settings(setting(8, 0)),
       NGHTTP2_PROTOCOL_ERROR},
      {"a window too large", window_update(0, 0x7fffffff), NGHTTP2_FLOW_CONTROL_ERROR},
      {"a window step of 0", window_update(0, 0), NGHTTP2_PROTOCOL_ERROR},
      {"a frame too large", data(1, std::string(16'385, 'x')), NGHTTP2_FRAME_SIZE_ERROR},
      {"a priority update by a server", frame(NGHTTP2_PRIORITY_UPDATE, 0, 0, number(1, 4) + "u=1"),
       NGHTTP2_PROTOCOL_ERROR},
      {"a reset of an idle stream", rst_stream(9), NGHTTP2_PROTOCOL_ERROR},
      {"a last stream that was ours to open", goaway(2), NGHTTP2_PROTOCOL_ERROR},
      {"a last stream that grows", goaway(1) + goaway(3), NGHTTP2_PROTOCOL_ERROR},
  };
  for (const Broken& each : cases) {
    Caller caller;
    caller.get();
    caller.produce();
    caller.feed(each.frames, 3);
    EXPECT_EQ(caller.goaway_code(), each.code) << each.what;
    EXPECT_TRUE(caller.codec.failed()) << each.what;
    EXPECT_TRUE(caller.streams.empty()) << each.what;
  }
}

TEST(H2ClientEnd, first_frames_other_than_settings_end_the_connection) {
  Caller caller({}, {}, Talk::Preface::Awaited);
  caller.feed(ping());
  EXPECT_EQ(caller.goaway_code(), NGHTTP2_PROTOCOL_ERROR);
}

// ---- Floods.

using Flood = std::function<std::string(Caller&)>;

void expect_flood_to_end(Kind kind, std::uint32_t spent_before, const Flood& flood) {
  Caller caller;
  const std::uint32_t budget = H2Abuse::rule(kind).budget - spent_before;
  for (std::uint32_t i = 0; i < budget; ++i) {
    caller.feed(flood(caller));
    caller.produce();
  }
  ASSERT_FALSE(caller.codec.failed()) << caller.codec.why();

  caller.feed(flood(caller));

  EXPECT_EQ(caller.goaway_code(), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_EQ(caller.codec.why(), H2Abuse::rule(kind).why);
}

std::uint32_t asked(Caller& caller) {
  const auto id = static_cast<std::uint32_t>(caller.get().id());
  caller.produce();
  return id;
}

TEST(H2ClientEnd, floods_of_control_frames_end_the_connection) {
  expect_flood_to_end(Kind::Ping, 0, [](Caller&) { return ping(); });
  expect_flood_to_end(Kind::Settings, 1, [](Caller&) { return settings(); });
  expect_flood_to_end(Kind::WindowUpdate, 0, [](Caller&) { return window_update(0, 1); });
  expect_flood_to_end(Kind::OtherFrame, 0, [](Caller&) { return frame(0x77, 0, 0, "what"); });
  expect_flood_to_end(Kind::Priority, 0,
                      [](Caller&) { return frame(NGHTTP2_PRIORITY, 0, 3, number(0, 4) + "\x10"); });
}

TEST(H2ClientEnd, malformed_responses_without_number_end_the_connection) {
  expect_flood_to_end(Kind::ProvokedReset, 0, [](Caller& caller) {
    return headers(asked(caller), answer("200", {{"connection", "close"}}));
  });
}

TEST(H2ClientEnd, empty_data_ends_the_connection) {
  Caller caller;
  caller.get();
  caller.produce();
  caller.feed(headers(1, answer(), kWhole));
  for (std::uint32_t i = 0; i < H2Abuse::rule(Kind::EmptyFrame).budget; ++i)
    caller.feed(data(1, ""));
  ASSERT_FALSE(caller.codec.failed());
  caller.feed(data(1, ""));
  EXPECT_EQ(caller.goaway_code(), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(H2ClientEnd, resets_that_no_request_explains_end_the_connection) {
  Caller caller;
  const std::string again = rst_stream(asked(caller));
  for (std::uint32_t i = 0; i < H2Abuse::rule(Kind::PeerReset).budget; ++i) caller.feed(again);
  ASSERT_FALSE(caller.codec.failed());
  caller.feed(again);
  EXPECT_EQ(caller.goaway_code(), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(H2ClientEnd, a_target_may_reset_each_request_it_gets) {
  Caller caller;
  for (int i = 0; i < 5000; ++i) {
    ASSERT_TRUE(caller.codec.may_request()) << caller.codec.why();
    const std::uint32_t id = asked(caller);
    caller.feed(window_update(id, 1000) + rst_stream(id, NGHTTP2_REFUSED_STREAM));
  }
  EXPECT_FALSE(caller.codec.failed());
}

TEST(H2ClientEnd, continuations_end_the_connection_past_their_number) {
  const auto flood = [&](std::uint32_t count) {
    Caller caller;
    caller.get();
    caller.produce();
    caller.feed(headers(1, answer(), 0));
    for (std::uint32_t i = 0; i < count; ++i)
      caller.feed(frame(NGHTTP2_CONTINUATION, 0, 1, block({{"a", "b"}})), 1);
    return caller.goaway_code();
  };
  EXPECT_EQ(flood(H2Limits{}.continuations_max), -1);
  EXPECT_EQ(flood(H2Limits{}.continuations_max + 1), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(H2ClientEnd, a_block_that_decodes_to_far_more_than_allowed_ends_the_connection) {
  Caller caller;
  caller.get();
  caller.produce();
  // One field of 4,000 bytes into the table, then references of one byte to it.
  const std::string bomb = '\x40' + text("x") + text(std::string(4000, 'v'));
  caller.feed(frame(NGHTTP2_HEADERS, kWhole, 1, block(answer()) + bomb + std::string(200, '\xbe')));
  EXPECT_EQ(caller.goaway_code(), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_EQ(caller.log, "closed 1 11\n");
}

TEST(H2ClientEnd, an_idle_connection_holds_no_blocks) {
  Caller caller;
  caller.get();
  caller.post("", false);
  caller.produce();
  caller.feed(headers(1, answer()) + headers(3, answer("200", {{"te", "x"}})));
  caller.produce();
  EXPECT_EQ(caller.blocks.blocks_out(), 0u);
}

}  // namespace
}  // namespace engine::http::h2
