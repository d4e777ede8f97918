// SPDX-License-Identifier: GPL-3.0-or-later
// A connection of HTTP/2 as its owner sees it: events, windows, responses and turns. Its end is
// in h2_end_test.cc, rules about requests in h2_request_test.cc.
#include "engine/http/h2_codec.h"

#include <gtest/gtest.h>

#include "tests/unit/http/h2_support.h"

namespace engine::http::h2 {
namespace {

constexpr std::uint32_t kWindow = 65'535;  // of the peer, until it says otherwise

std::size_t data_bytes(const std::vector<Frame>& frames, std::uint32_t stream) {
  std::size_t sum = 0;
  for (const Frame& each : frames)
    if (each.type == NGHTTP2_DATA && each.stream == stream) sum += each.payload.size();
  return sum;
}

std::vector<std::uint32_t> data_order(const std::vector<Frame>& frames) {
  std::vector<std::uint32_t> order;
  for (const Frame& each : frames)
    if (each.type == NGHTTP2_DATA) order.push_back(each.stream);
  return order;
}

// ---- Requests and their events.

TEST(H2Codec, settings_come_first_and_name_the_limits) {
  Talk talk;

  const std::vector<Frame> frames = talk.produce();

  ASSERT_GE(frames.size(), 2u);
  EXPECT_EQ(frames[0].type, NGHTTP2_SETTINGS);
  const std::string& payload = frames[0].payload;
  EXPECT_NE(payload.find(setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 128)), std::string::npos);
  EXPECT_NE(payload.find(setting(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1)), std::string::npos);
  EXPECT_NE(payload.find(setting(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1)), std::string::npos);
}

TEST(H2Codec, a_request_without_content_is_told_with_its_end) {
  Talk talk;
  talk.feed(headers(1, request()));
  EXPECT_EQ(talk.log, "request 1 GET a.test /x?q=1\nend 1 \n");
}

TEST(H2Codec, content_and_trailers_come_in_order) {
  Talk talk;
  talk.feed(headers(1, request("POST"), kWhole) + data(1, "hel") + data(1, "lo") +
            headers(1, {{"x-sum", "1"}, {"authorization", "no"}}));
  EXPECT_EQ(talk.log, "request 1 POST a.test /x?q=1\ndata 1 hello\nend 1 x-sum: 1\r\n\n");
}

TEST(H2Codec, padding_is_not_content) {
  Talk talk;
  talk.feed(headers(1, request("POST"), kWhole) +
            data(1, std::string("\3abc\0\0\0", 7), NGHTTP2_FLAG_PADDED | kEnd));
  EXPECT_EQ(talk.log, "request 1 POST a.test /x?q=1\ndata 1 abc\nend 1 \n");
}

TEST(H2Codec, a_reset_of_the_client_closes_the_stream_with_its_code) {
  Talk talk;
  talk.feed(headers(1, request("POST"), kWhole) + rst_stream(1, NGHTTP2_CANCEL) + data(3, ""));
  EXPECT_EQ(talk.log, "request 1 POST a.test /x?q=1\nclosed 1 8\n");
}

TEST(H2Codec, goaway_of_the_client_is_told_and_ends_the_connection_when_it_is_idle) {
  Talk talk;
  talk.feed(headers(1, request()) + frame(NGHTTP2_GOAWAY, 0, 0, number(0, 8)));
  EXPECT_TRUE(talk.log.ends_with("goaway 0\n"));
  EXPECT_FALSE(talk.codec.finished());
  talk.respond(1);
  talk.produce();
  EXPECT_TRUE(talk.codec.finished());
}

TEST(H2Codec, pings_are_answered) {
  Talk talk;
  talk.feed(ping());
  const std::vector<Frame> pings = talk.produced(NGHTTP2_PING);
  ASSERT_EQ(pings.size(), 1u);
  EXPECT_EQ(pings[0].flags, NGHTTP2_FLAG_ACK);
  EXPECT_EQ(pings[0].payload, "12345678");
}

TEST(H2Codec, any_split_of_the_input_gives_the_same_events) {
  const std::string input =
      headers(1, request("POST", {{"cookie", "a=1"}}), kWhole) + data(1, "hello") +
      frame(NGHTTP2_PRIORITY, 0, 5, number(0, 4) + "\x10") + frame(0x42, 3, 7, "unknown") +
      headers(3, request("GET", {{"x", std::string(300, 'y')}}), kEnd) +
      frame(NGHTTP2_CONTINUATION, 0, 3, block({{"a", "b"}})) +
      frame(NGHTTP2_CONTINUATION, kWhole, 3, block({{"c", "d"}})) + ping() +
      headers(5, request("GET", {{"te", "gzip"}})) + window_update(0, 100) +
      data(1, std::string(3000, 'z')) + headers(1, {{"x-t", "1"}}) +
      headers(7, request("CONNECT", {{":protocol", "websocket"}}), kWhole) + rst_stream(7);
  Talk whole;
  whole.feed(input);
  whole.produce();

  for (const std::size_t piece : {1, 2, 3, 7, 9, 10, 64, 1000}) {
    Talk split;
    split.feed(input, piece);
    split.produce();
    EXPECT_EQ(split.log, whole.log) << piece;
    EXPECT_EQ(split.codec.error(), whole.codec.error()) << piece;
  }
  EXPECT_FALSE(whole.codec.failed());
}

// ---- Flow control.

TEST(H2Codec, a_consumer_that_stalls_stops_the_windows) {
  H2Limits limits;
  limits.stream_window_bytes = 100'000;
  limits.connection_window_bytes = 150'000;
  Talk talk(limits);
  talk.consumes = false;
  talk.feed(settings({}, NGHTTP2_FLAG_ACK));
  talk.produce();
  talk.feed(headers(1, request("POST"), kWhole));
  for (int i = 0; i < 10; ++i) talk.feed(data(1, std::string(10'000, 'x')));

  EXPECT_TRUE(talk.produced(NGHTTP2_WINDOW_UPDATE).empty());
  EXPECT_EQ(talk.stream(1).held_bytes(), 100'000u);

  talk.feed(data(1, "x"));
  EXPECT_EQ(talk.reset_code(1), NGHTTP2_FLOW_CONTROL_ERROR);
}

TEST(H2Codec, windows_open_in_halves_as_content_is_consumed) {
  H2Limits limits;
  limits.stream_window_bytes = 100'000;
  limits.connection_window_bytes = 100'000;
  Talk talk(limits);
  talk.consumes = false;
  talk.feed(settings({}, NGHTTP2_FLAG_ACK));
  talk.produce();
  talk.feed(headers(1, request("POST"), kWhole));
  for (int i = 0; i < 6; ++i) talk.feed(data(1, std::string(10'000, 'x')));

  talk.codec.consumed(talk.stream(1), 49'999);
  EXPECT_TRUE(talk.produced(NGHTTP2_WINDOW_UPDATE).empty());

  talk.codec.consumed(talk.stream(1), 1);
  const std::vector<Frame> updates = talk.produced(NGHTTP2_WINDOW_UPDATE);
  ASSERT_EQ(updates.size(), 2u);  // the connection's and the stream's
  EXPECT_EQ(updates[0].number_at(0), 50'000u);
  EXPECT_EQ(updates[1].number_at(0), 50'000u);
}

TEST(H2Codec, what_a_stream_holds_at_its_end_returns_to_the_connection) {
  H2Limits limits;
  limits.connection_window_bytes = 65'535;
  Talk talk(limits);
  talk.consumes = false;
  talk.produce();
  talk.feed(headers(1, request("POST"), kWhole) + data(1, std::string(16'000, 'x')) +
            data(1, std::string(16'000, 'x')) + data(1, std::string(16'000, 'x')));
  EXPECT_TRUE(talk.produced(NGHTTP2_WINDOW_UPDATE).empty());

  talk.feed(rst_stream(1));

  const std::vector<Frame> updates = talk.produced(NGHTTP2_WINDOW_UPDATE);
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates[0].stream, 0u);
  EXPECT_EQ(updates[0].number_at(0), 48'000u);
}

TEST(H2Codec, a_body_is_pulled_only_as_far_as_the_clients_window_goes) {
  Talk talk;
  talk.feed(headers(1, request()));
  talk.respond(1, std::string(100'000, 'x'));

  EXPECT_EQ(data_bytes(talk.produce(), 1), kWindow);
  EXPECT_EQ(talk.bodies[1].left.size(), 100'000 - kWindow);

  talk.feed(window_update(1, 1000) + window_update(0, 1000));
  EXPECT_EQ(data_bytes(talk.produce(), 1), 1000u);
}

TEST(H2Codec, output_stays_within_the_limit_and_one_frame) {
  Talk talk({}, setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 30));
  talk.feed(window_update(0, 1 << 30) + headers(1, request()));
  talk.respond(1, std::string(1'000'000, 'x'));

  talk.produce(50'000);

  EXPECT_GE(talk.produced_bytes, 50'000u);
  EXPECT_LE(talk.produced_bytes, 50'000u + 16'393u);
  EXPECT_GT(talk.bodies[1].left.size(), 900'000u);
}

// ---- Responses.

TEST(H2Codec, a_response_loses_what_belongs_to_a_connection_and_its_capitals) {
  Talk talk;
  talk.feed(headers(1, request()));
  talk.codec.respond(talk.stream(1),
                     "HTTP/1.1 404 Not Found\r\nConnection: close\r\nKeep-Alive: x\r\n"
                     "Transfer-Encoding: chunked\r\nUpgrade: x\r\nX-Upper: Value\r\n"
                     "Set-Cookie: a\r\nSet-Cookie: b\r\n\r\n",
                     H2Codec::Body::None);
  const std::vector<Frame> frames = talk.produced(NGHTTP2_HEADERS);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].payload, ":status: 404\nx-upper: Value\nset-cookie: a\nset-cookie: b\n");
  EXPECT_EQ(frames[0].flags & kEnd, kEnd);
  EXPECT_TRUE(talk.log.ends_with("closed 1 0\n"));
}

TEST(H2Codec, interim_responses_come_before_the_final_one) {
  Talk talk;
  talk.feed(headers(1, request()));
  talk.codec.inform(talk.stream(1), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  talk.respond(1, "ok");

  const std::vector<Frame> frames = talk.produced(NGHTTP2_HEADERS);

  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].payload, ":status: 103\nlink: </a>\n");
  EXPECT_EQ(frames[0].flags & kEnd, 0);
  EXPECT_EQ(frames[1].payload, ":status: 200\n");
}

TEST(H2Codec, a_body_that_has_nothing_waits_for_resume) {
  Talk talk;
  talk.feed(headers(1, request()));
  talk.respond(1, "one", false);
  EXPECT_EQ(data_bytes(talk.produce(), 1), 3u);
  talk.bodies[1] = {"three", true};
  EXPECT_EQ(data_bytes(talk.produce(), 1), 0u);

  talk.codec.resume(talk.stream(1));

  const std::vector<Frame> frames = talk.produced(NGHTTP2_DATA);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].payload, "three");
  EXPECT_EQ(frames[0].flags, kEnd);
}

TEST(H2Codec, trailers_follow_the_body_and_end_the_stream) {
  Talk talk;
  talk.feed(headers(1, request()));
  talk.respond(1, "body");
  talk.bodies[1].trailers = "Grpc-Status: 0\r\n";

  const std::vector<Frame> frames = talk.produce();

  EXPECT_EQ(data_bytes(frames, 1), 4u);
  EXPECT_EQ(frames.back().type, NGHTTP2_HEADERS);
  EXPECT_EQ(frames.back().payload, "grpc-status: 0\n");
  EXPECT_EQ(frames.back().flags & kEnd, kEnd);
  EXPECT_TRUE(talk.log.ends_with("closed 1 0\n"));
}

TEST(H2Codec, an_early_response_makes_the_rest_of_the_request_needless) {
  Talk talk;
  talk.feed(headers(1, request("POST"), kWhole) + data(1, "part"));
  talk.respond(1, "enough");

  EXPECT_EQ(talk.reset_code(1), NGHTTP2_NO_ERROR);
  EXPECT_TRUE(talk.log.ends_with("closed 1 0\n"));
  EXPECT_EQ(talk.codec.abuse().count(H2Abuse::Kind::ProvokedReset), 0u);

  talk.feed(data(1, "more that was on its way", kEnd));
  EXPECT_FALSE(talk.codec.failed());
  EXPECT_EQ(talk.goaway_code(), -1);
}

TEST(H2Codec, a_reset_by_the_owner_is_the_last_of_a_stream) {
  Talk talk;
  talk.feed(headers(1, request("POST"), kWhole));
  talk.log.clear();

  talk.codec.reset(talk.stream(1), H2Error::Internal);
  talk.feed(data(1, "late") + headers(1, {{"a", "b"}}));

  EXPECT_EQ(talk.reset_code(1), NGHTTP2_INTERNAL_ERROR);
  EXPECT_EQ(talk.log, "");
  EXPECT_EQ(talk.codec.streams(), 0u);
  EXPECT_EQ(talk.codec.abuse().count(H2Abuse::Kind::ProvokedReset), 0u);
}

TEST(H2Codec, the_owner_may_answer_and_reset_inside_an_event) {
  Talk talk;
  talk.when_asked = [&](H2Stream& stream) {
    if (stream.id() == 1) return talk.codec.reset(stream, H2Error::RefusedStream);
    talk.respond(stream.id(), "now");
  };
  talk.feed(headers(1, request()) + headers(3, request()));

  const std::vector<Frame> frames = talk.produce();

  EXPECT_EQ(data_bytes(frames, 3), 3u);
  EXPECT_EQ(talk.log,
            "request 1 GET a.test /x?q=1\nrequest 3 GET a.test /x?q=1\nend 3 \nclosed 3 0\n");
}

TEST(H2Codec, a_head_too_large_for_a_block_resets_its_stream) {
  Talk talk;
  talk.feed(headers(1, request()));
  const std::string field = "X: " + std::string(60'000, 'x') + "\r\n";
  std::string head = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 10; ++i) head += field;
  talk.codec.respond(talk.stream(1), head + "\r\n", H2Codec::Body::None);
  EXPECT_EQ(talk.reset_code(1), NGHTTP2_INTERNAL_ERROR);
  EXPECT_TRUE(talk.log.ends_with("closed 1 2\n"));
}

TEST(H2Codec, each_side_of_a_tunnel_ends_by_itself) {
  Talk talk;
  talk.feed(headers(1, request("CONNECT", {{":protocol", "websocket"}}), kWhole));
  talk.bodies[1] = {"bye", true};
  talk.codec.respond(talk.stream(1),
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
                     H2Codec::Body::Follows);

  const std::vector<Frame> frames = talk.produce();
  EXPECT_EQ(data_bytes(frames, 1), 3u);
  EXPECT_EQ(std::ranges::count(frames, int{NGHTTP2_RST_STREAM}, &Frame::type), 0);
  const auto head = std::ranges::find(frames, int{NGHTTP2_HEADERS}, &Frame::type);
  ASSERT_NE(head, frames.end());
  EXPECT_EQ(head->payload, ":status: 200\n");

  talk.feed(data(1, "last words", kEnd));
  EXPECT_TRUE(talk.log.ends_with("data 1 last words\nend 1 \nclosed 1 0\n"));
}

// ---- Turns.

TEST(H2Codec, bodies_of_equal_urgency_take_turns) {
  Talk talk({}, setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20));
  talk.feed(window_update(0, 1 << 20) + headers(1, request()) + headers(3, request()));
  talk.respond(1, std::string(160'000, 'a'));
  talk.respond(3, std::string(160'000, 'b'));

  const std::vector<Frame> frames = talk.produce(100'000);

  const auto one = static_cast<double>(data_bytes(frames, 1));
  const auto other = static_cast<double>(data_bytes(frames, 3));
  EXPECT_NEAR(one, other, 16'384);
}

TEST(H2Codec, the_more_urgent_body_goes_first) {
  Talk talk({}, setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20));
  talk.feed(window_update(0, 1 << 20) + headers(1, request("GET", {{"priority", "u=5"}})) +
            headers(3, request("GET", {{"priority", "u=1"}})) +
            headers(5, request("GET", {{"priority", "u=3"}})));
  for (const int id : {1, 3, 5}) talk.respond(id, std::string(30'000, 'x'));

  EXPECT_EQ(data_order(talk.produce()), (std::vector<std::uint32_t>{3, 3, 5, 5, 1, 1}));
}

TEST(H2Codec, a_body_that_is_not_incremental_is_sent_in_one_go) {
  Talk talk({}, setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20));
  talk.feed(window_update(0, 1 << 20) + headers(1, request("GET", {{"priority", "u=3"}})) +
            headers(3, request("GET", {{"priority", "u=3"}})));
  for (const int id : {1, 3}) talk.respond(id, std::string(30'000, 'x'));

  EXPECT_EQ(data_order(talk.produce()), (std::vector<std::uint32_t>{1, 1, 3, 3}));
}

TEST(H2Codec, a_priority_update_before_its_request_stands) {
  Talk talk({}, setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20));
  talk.feed(window_update(0, 1 << 20) + headers(1, request()) +
            frame(NGHTTP2_PRIORITY_UPDATE, 0, 0, number(3, 4) + "u=0") + headers(3, request()));
  for (const int id : {1, 3}) talk.respond(id, std::string(30'000, 'x'));

  EXPECT_EQ(data_order(talk.produce()), (std::vector<std::uint32_t>{3, 3, 1, 1}));
}

TEST(H2Codec, a_stream_whose_window_is_shut_holds_up_no_other) {
  Talk talk({}, setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1000));
  talk.feed(headers(1, request()) + headers(3, request()) + window_update(3, 50'000));
  talk.respond(1, std::string(40'000, 'x'));
  talk.respond(3, std::string(40'000, 'x'));

  const std::vector<Frame> frames = talk.produce();

  EXPECT_EQ(data_bytes(frames, 1), 1000u);
  EXPECT_EQ(data_bytes(frames, 3), 40'000u);
}

}  // namespace
}  // namespace engine::http::h2
