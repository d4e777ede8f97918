// SPDX-License-Identifier: GPL-3.0-or-later
// A client's connection of HTTP/2 as its owner sees it: requests, bodies, windows, tunnels. What a
// response may be is in h2_response_test.cc, how streams and the connection end in
// h2_client_end_test.cc.
#include "engine/http/h2_client.h"

#include <gtest/gtest.h>

#include "tests/unit/http/h2_client_support.h"

namespace engine::http::h2 {
namespace {

constexpr std::uint32_t kWindow = 65'535;  // of the target, until it says otherwise

std::string head_of(const Frames& frames, std::uint32_t stream) {
  for (const Frame& each : frames)
    if (each.type == NGHTTP2_HEADERS && each.stream == stream) return each.payload;
  return "none";
}

std::size_t data_bytes(const Frames& frames, std::uint32_t stream) {
  std::size_t sum = 0;
  for (const Frame& each : frames)
    if (each.type == NGHTTP2_DATA && each.stream == stream) sum += each.payload.size();
  return sum;
}

TEST(H2Client, the_preface_comes_first_and_forbids_pushes) {
  Caller caller({}, {}, Talk::Preface::Awaited);

  const Frames frames = caller.produce();

  EXPECT_TRUE(caller.preface_seen);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].type, NGHTTP2_SETTINGS);
  EXPECT_NE(frames[0].payload.find(setting(NGHTTP2_SETTINGS_ENABLE_PUSH, 0)), std::string::npos);
  EXPECT_NE(frames[0].payload.find(setting(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 64 * 1024)),
            std::string::npos);
  EXPECT_EQ(frames[1].type, NGHTTP2_WINDOW_UPDATE);
  EXPECT_EQ(frames[1].number_at(0), 1024u * 1024 - kWindow);
}

TEST(H2Client, a_target_has_greeted_with_the_last_byte_of_its_settings) {
  Caller caller({}, {}, Talk::Preface::Awaited);
  const std::string greeting = settings(setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1));

  caller.feed(greeting.substr(0, greeting.size() - 1));
  EXPECT_FALSE(caller.codec.greeted());

  caller.feed(greeting.substr(greeting.size() - 1));
  EXPECT_TRUE(caller.codec.greeted());
  caller.get();
  EXPECT_FALSE(caller.codec.may_request());
}

// ---- Requests.

TEST(H2Client, a_request_loses_what_belongs_to_a_connection_and_keeps_the_rest) {
  Caller caller;
  caller.ask(
      "GET /a?b HTTP/1.1\r\nHost: a.test:81\r\nX-A: B\r\nConnection: TE, X-A\r\nKeep-Alive: 5\r\n"
      "Proxy-Connection: x\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nCookie: a=1; b=2\r\n"
      "\r\n");

  const Frames frames = caller.produced(NGHTTP2_HEADERS);

  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].payload,
            ":method: GET\n:authority: a.test:81\n:scheme: http\n:path: /a?b\nx-a: B\n"
            "te: trailers\ncookie: a=1; b=2\n");
  EXPECT_EQ(frames[0].flags & kEnd, kEnd);
}

TEST(H2Client, other_values_of_te_are_left_out) {
  Caller caller;
  caller.ask("GET / HTTP/1.1\r\nHost: a.test\r\nTE: gzip\r\n\r\n");
  EXPECT_EQ(head_of(caller.produce(), 1),
            ":method: GET\n:authority: a.test\n:scheme: http\n:path: /\n");
}

TEST(H2Client, a_request_without_host_has_no_authority) {
  Caller caller;
  caller.ask("OPTIONS * HTTP/1.1\r\nHost: \r\n\r\n");
  EXPECT_EQ(head_of(caller.produce(), 1), ":method: OPTIONS\n:scheme: http\n:path: *\n");
}

TEST(H2Client, an_exchange_without_bodies_goes_through_both_codecs) {
  Pair pair;
  pair.client.get();
  pair.settle();
  EXPECT_EQ(pair.server.log, "request 1 GET a.test /x?q=1\nend 1 \n");

  pair.server.codec.respond(pair.server.stream(1), "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n",
                            H2Codec::Body::None);
  pair.settle();

  EXPECT_EQ(pair.client.log, "response 1 204\nend 1 \nclosed 1 0\n");
  EXPECT_EQ(pair.client.last_fields, "x-a: b\n");
  EXPECT_EQ(pair.client.codec.streams(), 0u);
}

TEST(H2Client, bodies_and_trailers_go_both_ways) {
  Pair pair;
  pair.client.post("question", true, "X-Sum: 1\r\n");
  pair.settle();
  EXPECT_EQ(pair.server.log, "request 1 POST a.test /p\ndata 1 question\nend 1 x-sum: 1\r\n\n");

  pair.server.respond(1, "answer");
  pair.server.bodies[1].trailers = "Grpc-Status: 0\r\n";
  pair.settle();

  EXPECT_EQ(pair.client.log,
            "response 1 200\ndata 1 answer\nend 1 grpc-status: 0\r\n\nclosed 1 0\n");
}

TEST(H2Client, many_exchanges_share_the_connection_and_large_bodies_pass_whole) {
  Pair pair;
  const std::string large(3'000'000, 'x');
  for (int i = 0; i < 3; ++i) pair.client.post(large);
  pair.settle();
  for (const int id : {1, 3, 5}) pair.server.respond(id, large);
  pair.settle();

  for (const int id : {1, 3, 5}) {
    const std::string of = std::to_string(id);
    EXPECT_NE(pair.server.log.find("end " + of), std::string::npos);
    EXPECT_NE(pair.client.log.find("closed " + of + " 0\n"), std::string::npos);
  }
  EXPECT_EQ(std::ranges::count(pair.server.log, 'x'), 9'000'000);
  EXPECT_EQ(std::ranges::count(pair.client.log, 'x'), 9'000'000);
}

TEST(H2Client, streaming_in_both_directions_at_once_needs_no_end_of_either) {
  Pair pair;
  pair.client.post("ping", false);
  pair.settle();
  pair.server.respond(1, "pong", false);
  pair.settle();
  EXPECT_EQ(pair.client.log, "response 1 200\ndata 1 pong\n");

  pair.client.bodies[1] = {"-again", true};
  pair.client.codec.resume(pair.client.stream(1));
  pair.settle();
  EXPECT_TRUE(pair.server.log.ends_with("data 1 ping-again\nend 1 \n"));

  pair.server.bodies[1] = {"-again", true};
  pair.server.codec.resume(pair.server.stream(1));
  pair.settle();
  EXPECT_EQ(pair.client.log, "response 1 200\ndata 1 pong-again\nend 1 \nclosed 1 0\n");
}

TEST(H2Client, the_owner_may_ask_and_reset_inside_an_event) {
  Caller caller;
  caller.get();
  caller.get();
  caller.when_answered = [&](H2Stream& stream) {
    if (stream.id() == 1) {
      caller.get();
      return caller.codec.reset(stream, H2Error::Cancel);
    }
  };
  caller.produce();

  caller.feed(headers(1, answer(), kWhole) + data(1, "late") + headers(3, answer()));

  EXPECT_EQ(caller.log, "response 1 200\nresponse 3 200\nend 3 \nclosed 3 0\n");
  const Frames frames = caller.produce();
  EXPECT_EQ(reset_code_in(frames, 1), NGHTTP2_CANCEL);
  EXPECT_NE(head_of(frames, 5), "none");
}

TEST(H2Client, any_split_of_the_input_gives_the_same_events) {
  const std::string input =
      settings(setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 50)) +
      settings({}, NGHTTP2_FLAG_ACK) + headers(1, answer("103", {{"link", "</a>"}}), kWhole) +
      headers(1, answer("200", {{"x", std::string(300, 'y')}}), 0) +
      frame(NGHTTP2_CONTINUATION, kWhole, 1, block({{"a", "b"}})) + data(1, "hello") +
      headers(3, answer("200", {{"connection", "close"}})) + ping() + window_update(0, 100) +
      frame(0x42, 3, 7, "unknown") + data(1, std::string(300, 'z')) + headers(1, {{"x-t", "1"}}) +
      rst_stream(5, NGHTTP2_REFUSED_STREAM) + headers(7, answer("204")) +
      frame(NGHTTP2_GOAWAY, 0, 0, number(7, 4) + number(0, 4));
  const auto talk = [&](std::size_t piece) {
    Caller caller({}, {}, Talk::Preface::Awaited);
    for (int i = 0; i < 5; ++i) caller.get();
    caller.produce();
    caller.feed(input, piece);
    caller.produce();
    EXPECT_FALSE(caller.codec.failed()) << caller.codec.why();
    return caller.log;
  };
  const std::string whole = talk(input.size());
  for (std::size_t piece = 1; piece < 70; ++piece) EXPECT_EQ(talk(piece), whole) << piece;
  for (std::size_t cut = 1; cut < input.size(); ++cut) {
    Caller caller({}, {}, Talk::Preface::Awaited);
    for (int i = 0; i < 5; ++i) caller.get();
    caller.produce();
    caller.feed(input.substr(0, cut));
    caller.feed(input.substr(cut));
    caller.produce();
    ASSERT_EQ(caller.log, whole) << cut;
  }
}

// ---- Flow control.

TEST(H2Client, a_body_is_pulled_only_as_far_as_the_targets_window_goes) {
  Caller caller;
  caller.post(std::string(100'000, 'x'));

  EXPECT_EQ(data_bytes(caller.produce(), 1), kWindow);
  EXPECT_EQ(caller.bodies[1].left.size(), 100'000 - kWindow);
  EXPECT_FALSE(caller.codec.wants_to_send());

  caller.feed(window_update(1, 1000) + window_update(0, 1000));
  EXPECT_EQ(data_bytes(caller.produce(), 1), 1000u);
}

TEST(H2Client, bodies_take_turns) {
  Caller caller({}, setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20));
  caller.feed(window_update(0, 1 << 20));
  for (int i = 0; i < 2; ++i) caller.post(std::string(160'000, 'x'));

  const Frames frames = caller.produce(100'000);

  EXPECT_NEAR(static_cast<double>(data_bytes(frames, 1)),
              static_cast<double>(data_bytes(frames, 3)), 16'384);
}

TEST(H2Client, a_consumer_that_stalls_stops_the_windows_and_opens_them_in_halves) {
  H2Limits limits;
  limits.stream_window_bytes = 100'000;
  limits.connection_window_bytes = 100'000;
  Caller caller(limits);
  caller.consumes = false;
  caller.feed(settings({}, NGHTTP2_FLAG_ACK));
  caller.get();
  caller.produce();
  caller.feed(headers(1, answer(), kWhole));
  for (int i = 0; i < 10; ++i) caller.feed(data(1, std::string(10'000, 'x')));
  EXPECT_TRUE(caller.produced(NGHTTP2_WINDOW_UPDATE).empty());
  EXPECT_EQ(caller.stream(1).held_bytes(), 100'000u);

  caller.codec.consumed(caller.stream(1), 49'999);
  EXPECT_TRUE(caller.produced(NGHTTP2_WINDOW_UPDATE).empty());
  caller.codec.consumed(caller.stream(1), 1);
  const Frames updates = caller.produced(NGHTTP2_WINDOW_UPDATE);
  ASSERT_EQ(updates.size(), 2u);  // the connection's and the stream's
  EXPECT_EQ(updates[0].number_at(0), 50'000u);
  EXPECT_EQ(updates[1].number_at(0), 50'000u);

  caller.feed(data(1, std::string(10'000, 'x')) + data(1, std::string(10'000, 'x')));
  EXPECT_FALSE(caller.codec.failed());
}

TEST(H2Client, content_past_the_window_resets_its_stream) {
  H2Limits limits;
  limits.stream_window_bytes = 10'000;
  limits.connection_window_bytes = 65'535;
  Caller caller(limits);
  caller.consumes = false;
  caller.feed(settings({}, NGHTTP2_FLAG_ACK));
  caller.get();
  caller.produce();
  caller.feed(headers(1, answer(), kWhole) + data(1, std::string(10'001, 'x')));
  EXPECT_EQ(caller.reset_code(1), NGHTTP2_FLOW_CONTROL_ERROR);
  EXPECT_TRUE(caller.log.ends_with("closed 1 3\n"));
}

TEST(H2Client, what_a_stream_holds_at_its_reset_returns_to_the_connection) {
  H2Limits limits;
  limits.connection_window_bytes = 65'535;
  Caller caller(limits);
  caller.consumes = false;
  caller.get();
  caller.produce();
  caller.feed(headers(1, answer(), kWhole));
  for (int i = 0; i < 3; ++i) caller.feed(data(1, std::string(16'000, 'x')));
  EXPECT_TRUE(caller.produced(NGHTTP2_WINDOW_UPDATE).empty());

  caller.codec.reset(caller.stream(1), H2Error::Cancel);

  const Frames frames = caller.produce();
  EXPECT_EQ(reset_code_in(frames, 1), NGHTTP2_CANCEL);
  const Frames updates = of_type(frames, NGHTTP2_WINDOW_UPDATE);
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates[0].stream, 0u);
  EXPECT_EQ(updates[0].number_at(0), 48'000u);
}

// ---- Tunnels.

TEST(H2Client, a_tunnel_is_asked_for_only_where_the_target_takes_it) {
  Caller plain;
  EXPECT_FALSE(plain.codec.may_tunnel());
  Caller silent({}, {}, Talk::Preface::Awaited);
  EXPECT_FALSE(silent.codec.may_tunnel());
  Caller caller({}, setting(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1));
  EXPECT_TRUE(caller.codec.may_tunnel());
  EXPECT_DEATH(plain.tunnel(), "tunnel");
}

TEST(H2Client, a_tunnel_is_a_connect_without_what_the_handshake_of_http_1_needs) {
  Caller caller({}, setting(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1));
  caller.tunnel();
  const Frames frames = caller.produced(NGHTTP2_HEADERS);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].payload,
            ":method: CONNECT\n:protocol: websocket\n:authority: a.test\n:scheme: http\n"
            ":path: /chat\nsec-websocket-version: 13\n");
  EXPECT_EQ(frames[0].flags & kEnd, 0);
}

TEST(H2Client, of_several_protocols_the_first_is_asked_for) {
  Caller caller({}, setting(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1));
  caller.ask("GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: first , second\r\n\r\n",
             H2Codec::Body::Follows);
  EXPECT_EQ(head_of(caller.produce(), 1),
            ":method: CONNECT\n:protocol: first\n:scheme: http\n:path: /\n");
}

TEST(H2Client, an_open_tunnel_reads_like_a_switch_and_each_side_ends_by_itself) {
  Pair pair;
  pair.client.tunnel();
  pair.settle();
  EXPECT_EQ(pair.server.last_head.upgrade, "websocket");
  pair.server.bodies[1] = {"hello", true};
  pair.server.codec.respond(pair.server.stream(1),
                            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                            "Upgrade: websocket\r\nX-A: b\r\n\r\n",
                            H2Codec::Body::Follows);
  pair.settle();
  EXPECT_EQ(pair.client.log, "response 1 101\ndata 1 hello\nend 1 \n");
  EXPECT_EQ(pair.client.last_upgrade, "websocket");
  EXPECT_EQ(pair.client.last_fields, "x-a: b\n");
  EXPECT_EQ(pair.client.last_head.framing, Framing::None);

  pair.client.bodies[1] = {"last words", true};
  pair.client.codec.resume(pair.client.stream(1));
  pair.settle();

  EXPECT_TRUE(pair.server.log.ends_with("data 1 last words\nend 1 \nclosed 1 0\n"));
  EXPECT_TRUE(pair.client.log.ends_with("end 1 \nclosed 1 0\n"));
}

TEST(H2Client, a_tunnel_has_no_trailers) {
  Caller caller({}, setting(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1));
  caller.tunnel();
  caller.produce();
  caller.feed(headers(1, answer(), kWhole) + data(1, "x") + headers(1, {{"a", "b"}}));
  EXPECT_EQ(caller.reset_code(1), NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(caller.log, "response 1 101\ndata 1 x\nclosed 1 1\n");
}

TEST(H2Client, a_tunnel_that_is_refused_is_a_response_of_unknown_length) {
  Caller caller({}, setting(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1));
  caller.tunnel();
  caller.produce();

  caller.feed(headers(1, answer("403", {{"content-length", "2"}}), kWhole) + data(1, "no", kEnd));

  EXPECT_EQ(caller.log, "response 1 403\ndata 1 no\nend 1 \n");
  EXPECT_EQ(caller.last_head.framing, Framing::Chunked);
  EXPECT_FALSE(caller.last_head.has_content_length);
  EXPECT_EQ(caller.last_upgrade, "");
  caller.codec.reset(caller.stream(1), H2Error::Cancel);
  EXPECT_EQ(caller.reset_code(1), NGHTTP2_CANCEL);
}

}  // namespace
}  // namespace engine::http::h2
