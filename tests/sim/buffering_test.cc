// SPDX-License-Identifier: GPL-3.0-or-later
// Sites that buffer: requests that are complete before a target hears of them, responses that are complete before the
// client does.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include "engine/base/error.h"
#include "tests/sim/exchange.h"
#include "tests/sim/talk.h"

namespace sim {
namespace {

using base::Cause;

constexpr std::string_view kChunkedPost =
    "POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kChunkedAnswer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::size_t kMemory = 4096;  // of each body

std::string chunk(std::string_view bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + std::string(bytes) + "\r\n";
}

std::function<void(route::Service&)> buffers(
    const std::function<void(route::Service&)>& edit = {}) {
  return [edit](route::Service& service) {
    service.buffering = {.requests = true, .responses = true, .memory_bytes = kMemory};
    if (edit) edit(service);
  };
}

std::uint64_t ended_by(World& world, Cause cause) {
  return world.worker().snapshot().services[0]->metrics->of(0).errors[static_cast<std::size_t>(
      cause)];
}

Message request_at(Peer& target) {
  MessageReader reader(MessageReader::Kind::Request);
  reader.add(target.read());
  EXPECT_TRUE(reader.complete()) << reader.why();
  return reader.message();
}

// ---- Requests.

TEST(BufferingSim, a_target_hears_of_a_request_when_its_body_is_complete) {
  World world(1, {.edit = buffers()});
  Peer client = ask(world, std::string(kChunkedPost) + chunk("hello, "));
  world.advance(5 * base::kSecond);
  EXPECT_EQ(world.worker().counters().upstream_connects, 0U);

  world.send(client, chunk("world") + "0\r\n\r\n");
  world.settle();
  Peer target = world.target().take();
  ASSERT_TRUE(target);
  const Message request = request_at(target);
  EXPECT_EQ(request.body, "hello, world");
  EXPECT_EQ(request.field("content-length"), "12");
  EXPECT_FALSE(request.has("transfer-encoding"));

  world.send(target, kHello);
  world.settle();
  EXPECT_EQ(seen(client), "200 hello");
}

TEST(BufferingSim, the_connection_of_a_client_serves_its_next_request) {
  World world(1, {.edit = buffers()});
  Talk talk = start(world, post_of("first") + post_of("second"));
  EXPECT_TRUE(talk.request.ends_with("first"));
  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
  EXPECT_TRUE(talk.target.read().ends_with("second"));
  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
  EXPECT_EQ(world.worker().counters().upstream_connects, 1U);
}

TEST(BufferingSim, trailers_are_kept_by_chunks) {
  World world(1, {.edit = buffers()});
  Talk talk = start(world, std::string(kChunkedPost) + chunk("body") + "0\r\nX-Sum: 7\r\n\r\n");
  EXPECT_NE(talk.request.find("Transfer-Encoding: chunked"), std::string::npos);
  EXPECT_TRUE(talk.request.ends_with("0\r\nX-Sum: 7\r\n\r\n")) << talk.request;

  answer(world, talk, std::string(kChunkedAnswer) + chunk("hello") + "0\r\nX-Sum: 9\r\n\r\n");
  EXPECT_TRUE(talk.client.read().ends_with("0\r\nX-Sum: 9\r\n\r\n"));
}

TEST(BufferingSim, who_expects_100_gets_it_from_us) {
  World world(1, {.edit = buffers()});
  Peer client = ask(world,
                    "PUT /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n"
                    "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(world.target().waiting(), 0U);

  world.send(client, "body");
  world.settle();
  Peer target = world.target().take();
  ASSERT_TRUE(target);
  EXPECT_FALSE(request_at(target).has("expect"));
}

TEST(BufferingSim, too_large_a_body_is_refused_while_it_is_counted) {
  World world(1, {.edit = buffers([](route::Service& s) { s.body_bytes_max = 10; })});
  Peer client = ask(world, std::string(kChunkedPost) + chunk("12345678"));
  EXPECT_EQ(seen(client), "nothing");
  world.send(client, chunk("90123"));
  world.settle();
  EXPECT_EQ(answer_in(client).status(), 413);

  Peer told = ask(world, post_of("12345678901"));
  EXPECT_EQ(answer_in(told).status(), 413);
  EXPECT_EQ(world.worker().counters().upstream_connects, 0U);
}

TEST(BufferingSim, a_malformed_body_never_reaches_a_target) {
  World world(1, {.edit = buffers()});
  Peer client = ask(world, std::string(kChunkedPost) + chunk("body") + "no size\r\n");
  EXPECT_EQ(answer_in(client).status(), 400);
  EXPECT_EQ(world.worker().counters().upstream_connects, 0U);
}

TEST(BufferingSim, a_client_that_leaves_inside_its_body_ends_it) {
  for (const Break how : {Break::Fin, Break::Reset}) {
    World world(1, {.edit = buffers()});
    Peer client = ask(world, std::string(kChunkedPost) + chunk(pattern(1, 100'000)));
    EXPECT_EQ(world.kernel().open_files(), 1U);
    end_suddenly(client, how);
    world.settle();
    EXPECT_EQ(ended_by(world, Cause::ClientClosed), 1U);
    EXPECT_EQ(world.worker().counters().upstream_connects, 0U);
    EXPECT_EQ(world.kernel().open_files(), 0U);
  }
}

TEST(BufferingSim, a_client_of_http2_that_resets_its_stream_ends_it) {
  World world(1, {.edit = buffers()});
  H2End client(world.kernel(), world.connect("h2"), H2End::Role::Client);
  H2Stream& stream = client.request(asking("POST"), H2End::Content::Follows);
  client.write(stream, pattern(1, 100'000));
  world.settle();
  client.reset(stream, NGHTTP2_CANCEL);
  world.settle();
  EXPECT_EQ(ended_by(world, Cause::ClientClosed), 1U);
  EXPECT_EQ(world.kernel().open_files(), 0U);
}

TEST(BufferingSim, a_client_that_stalls_inside_its_body_gets_408) {
  World world(1, {.edit = buffers()});
  Peer client = ask(world, std::string(kChunkedPost) + chunk("body"));
  world.advance(31 * base::kSecond);
  EXPECT_EQ(answer_in(client).status(), 408);
}

TEST(BufferingSim, a_slow_body_takes_no_place_in_flight) {
  World world(1, {.edit = buffers([](route::Service& s) { s.inflight_max = 1; })});
  Peer slow = ask(world, std::string(kChunkedPost) + chunk("body"));
  Peer quick = ask(world);
  serve_one(world);
  EXPECT_EQ(seen(quick), "200 hello");
  EXPECT_EQ(seen(slow), "nothing");
}

TEST(BufferingSim, a_gate_that_closes_meanwhile_holds_the_request_back) {
  World world(1, {.edit = buffers()});
  Peer client = ask(world, std::string(kChunkedPost) + chunk("body"));
  const route::Gate paused{
      .state = route::Gate::State::Paused, .max_pause = 30 * base::kSecond, .message = {}};
  world.change([&](Options& options) {
    options.edit = buffers([&](route::Service& service) { service.gate = paused; });
  });
  world.send(client, "0\r\n\r\n");
  world.settle();
  EXPECT_EQ(world.worker().counters().parked, 1U);

  world.change([](Options& options) { options.edit = buffers(); });
  world.settle();
  Peer target = world.target().take();
  ASSERT_TRUE(target);
  EXPECT_EQ(request_at(target).body, "body");
  world.send(target, kHello);
  world.settle();
  EXPECT_EQ(seen(client), "200 hello");
}

TEST(BufferingSim, a_request_goes_to_the_targets_of_the_moment) {
  World world(1, {.edit = buffers()});
  Peer client = ask(world, std::string(kChunkedPost) + chunk("body"));
  world.reload(World::Reload::NewTargets);
  world.send(client, "0\r\n\r\n");
  world.settle();
  serve_one(world);
  EXPECT_EQ(seen(client), "200 hello");
}

// ---- Tries.

constexpr std::string_view kBusy = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n";

std::string put_of(std::string_view body) { return "PUT" + post_of(body).substr(4); }

TEST(BufferingSim, another_target_gets_the_same_body) {
  World world(1, {.targets = 2, .edit = buffers([](route::Service& service) {
                                  service.retry_on = route::kRetry503;
                                  service.balance = route::Balance::First;
                                })});
  const std::string body = pattern(1, 200'000);
  Peer client = ask(world, put_of(body));
  Peer first = world.target(0).take();
  ASSERT_TRUE(first);
  EXPECT_GT(first.read(50'000).size(), 0U);  // it answers before it has read all
  world.send(first, kBusy);
  world.settle();
  Peer second = world.target(1).take();
  ASSERT_TRUE(second);
  std::string request;
  for (int i = 0; i < 100; ++i) {
    request += second.read();
    world.settle();
  }
  EXPECT_TRUE(request.ends_with(body));
  world.send(second, kHello);
  world.settle();
  EXPECT_EQ(seen(client), "200 hello");
}

TEST(BufferingSim, what_must_not_be_done_twice_is_not) {
  World world(1, {.targets = 2, .edit = buffers([](route::Service& service) {
                                  service.retry_on = route::kRetry503;
                                  service.balance = route::Balance::First;
                                })});
  Peer client = ask(world, post_of("body"));
  Peer first = world.target(0).take();
  ASSERT_TRUE(first);
  world.send(first, kBusy);
  world.settle();
  EXPECT_EQ(answer_in(client).status(), 503);
  EXPECT_EQ(world.target(1).waiting(), 0U);
}

TEST(BufferingSim, a_pooled_connection_that_is_lost_costs_the_body_nothing) {
  World world(1, {.edit = buffers()});
  Talk talk = start(world, put_of("first"));
  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
  ask_again(world, talk, put_of("second"));
  talk.target.reset();
  world.settle();
  Peer fresh = world.target().take();
  ASSERT_TRUE(fresh);
  EXPECT_EQ(request_at(fresh).body, "second");
}

// ---- Responses.

TEST(BufferingSim, a_client_sees_an_answer_when_all_of_it_is_here) {
  World world(1, {.edit = buffers()});
  Talk talk = start(world);
  answer(world, talk, std::string(kChunkedAnswer) + chunk("hel"));
  EXPECT_EQ(talk.client.readable(), 0U);
  answer(world, talk, chunk("lo") + "0\r\n\r\n");
  const Message got = answer_in(talk.client);
  EXPECT_EQ(got.body, "hello");
  EXPECT_EQ(got.field("content-length"), "5");
}

TEST(BufferingSim, a_client_of_http_1_0_keeps_its_connection) {
  World world(1, {.edit = buffers()});
  Talk talk = start(world, "GET /a HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n");
  answer(world, talk, std::string(kChunkedAnswer) + chunk("hello") + "0\r\nX-Sum: 9\r\n\r\n");
  const std::string got = talk.client.read();
  EXPECT_NE(got.find("Content-Length: 5\r\n"), std::string::npos) << got;
  EXPECT_NE(got.find("Connection: keep-alive\r\n"), std::string::npos) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\nhello")) << got;
}

TEST(BufferingSim, a_slow_client_keeps_no_connection_to_a_target) {
  World world(1, {.edit = buffers()});
  const std::string body = pattern(1, 1'000'000);
  Talk talk = start(world);
  answer(world, talk, answer_of(body));
  EXPECT_EQ(world.health().totals().inflight, 0U);
  EXPECT_EQ(world.kernel().open_files(), 1U);

  Peer other = ask(world);
  EXPECT_EQ(world.worker().counters().upstream_connects, 1U);
  answer(world, talk);
  EXPECT_EQ(seen(other), "200 hello");

  MessageReader reader(MessageReader::Kind::Response);
  for (int i = 0; i < 1'000 && !reader.complete(); ++i) {
    reader.add(talk.client.read(10'000));
    world.settle();
  }
  EXPECT_EQ(reader.message().body, body);
  EXPECT_EQ(world.kernel().open_files(), 0U);
}

TEST(BufferingSim, the_end_of_a_drain_cuts_no_answer_that_is_here) {
  World world(1, {.edit = buffers()});
  const std::string body = pattern(1, 1'000'000);
  Talk talk = start(world);
  answer(world, talk, answer_of(body));
  world.drain(0, base::kSecond, base::kSecond);
  world.advance(5 * base::kSecond);

  MessageReader reader(MessageReader::Kind::Response);
  for (int i = 0; i < 1'000 && !reader.complete(); ++i) {
    reader.add(talk.client.read(10'000));
    world.settle();
  }
  EXPECT_EQ(reader.message().body, body);
}

TEST(BufferingSim, a_target_that_dies_inside_its_answer_is_502) {
  for (const Break how : {Break::Fin, Break::Reset}) {
    World world(1, {.edit = buffers()});
    Talk talk = start(world);
    answer(world, talk, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
    end_suddenly(talk.target, how);
    world.settle();
    const Message got = answer_in(talk.client);
    EXPECT_EQ(got.status(), 502);
    EXPECT_NE(got.field("proxy-status").find("error=http_response_incomplete"), std::string::npos);
  }
}

TEST(BufferingSim, too_large_an_answer_is_502) {
  for (const std::string& bytes :
       {answer_of("12345678901"), std::string(kChunkedAnswer) + chunk("12345678") + chunk("901")}) {
    World world(1, {.edit = buffers([](route::Service& service) {
                      service.buffering.response_bytes_max = 10;
                    })});
    Talk talk = start(world);
    answer(world, talk, bytes);
    const Message got = answer_in(talk.client);
    EXPECT_EQ(got.status(), 502);
    EXPECT_NE(got.field("proxy-status").find("error=http_response_body_size"), std::string::npos);
  }
}

TEST(BufferingSim, an_answer_that_stalls_is_504) {
  World world(1, {.edit = buffers()});
  Talk talk = start(world);
  answer(world, talk, std::string(kChunkedAnswer) + chunk("hello"));
  world.advance(301 * base::kSecond);
  EXPECT_EQ(answer_in(talk.client).status(), 504);
}

TEST(BufferingSim, what_is_live_passes_while_it_comes) {
  for (const char* type : {"text/event-stream", "Text/Event-Stream; charset=utf-8",
                           "application/grpc", "application/grpc+proto"}) {
    World world(1, {.edit = buffers()});
    Talk talk = start(world);
    answer(world, talk,
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: " + std::string(type) +
               "\r\n\r\n" + chunk("data"));
    EXPECT_TRUE(talk.client.read().ends_with(chunk("data"))) << type;
  }
}

TEST(BufferingSim, a_request_of_grpc_passes_while_it_comes) {
  World world(1, {.edit = buffers()});
  Peer client = ask(world,
                    "POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n"
                    "Content-Type: application/grpc\r\n\r\n" +
                        chunk("data"));
  EXPECT_EQ(world.target().waiting(), 1U);
}

TEST(BufferingSim, tunnels_and_interim_heads_are_not_buffered) {
  World world(1, {.edit = buffers()});
  Talk talk = start(world,
                    "GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: sim\r\n"
                    "\r\n");
  answer(world, talk, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  EXPECT_TRUE(talk.client.read().starts_with("HTTP/1.1 103"));
  answer(world, talk, "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: sim\r\n\r\nfrom target");
  EXPECT_TRUE(talk.client.read().ends_with("from target"));
  world.send(talk.client, "from client");
  world.settle();
  EXPECT_EQ(talk.target.read(), "from client");
}

TEST(BufferingSim, an_answer_before_the_request_is_complete_is_passed_on) {
  World world(1, {.edit = buffers([](route::Service& s) { s.buffering.requests = false; })});
  Talk talk = start(world, std::string(kChunkedPost) + chunk("body"));
  answer(world, talk);
  const Message got = answer_in(talk.client);
  EXPECT_EQ(got.body, "hello");
  EXPECT_TRUE(got.says_close());
}

}  // namespace
}  // namespace sim
