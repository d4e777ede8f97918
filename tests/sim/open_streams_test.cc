// SPDX-License-Identifier: GPL-3.0-or-later
// What may go on for long is counted by its kind while it does, once, and however it ends not after that.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/talk.h"

namespace sim {
namespace {

constexpr std::string_view kEvents =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    "Transfer-Encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n";
constexpr std::string_view kLastChunk = "0\r\n\r\n";

// It outlives the worker.
using Metrics = std::shared_ptr<route::SiteMetrics>;
Metrics metrics_of(World& world) { return world.worker().snapshot().services[0]->metrics; }

// What is open, as "sse 1"; empty: nothing.
std::string open_in(const Metrics& metrics) {
  route::SiteCounters sum;
  metrics->add_to(sum);
  std::string text;
  for (std::size_t kind = 0; kind < route::kOpenStreamNames.size(); ++kind) {
    if (sum.streams_open[kind] == 0) continue;
    text += text.empty() ? "" : ", ";
    text += std::string(route::kOpenStreamNames[kind]) + " " +
            std::to_string(sum.streams_open[kind].get());
  }
  return text;
}

// ---- Events.

struct End {
  const char* how;
  std::function<void(World&, Talk&)> play;
};

std::vector<End> ends_of_events() {
  return {{"its last chunk", [](World& world, Talk& talk) { answer(world, talk, kLastChunk); }},
          {"bad framing", [](World& world, Talk& talk) { answer(world, talk, "zz\r\n"); }},
          {"a target that is gone", [](World&, Talk& talk) { talk.target.reset(); }},
          {"a target that closes", [](World&, Talk& talk) { talk.target.finish(); }},
          {"a client that is gone", [](World&, Talk& talk) { talk.client.reset(); }},
          {"silence", [](World& world, Talk&) { world.advance(301 * base::kSecond); }},
          {"a drain",
           [](World& world, Talk&) {
             world.drain(0, base::kSecond, base::kSecond);
             world.advance(2 * base::kSecond);
           }},
          {"the end of the worker", [](World& world, Talk&) { world.end(); }}};
}

TEST(OpenStreamsSim, events_are_open_from_their_head_until_they_end_in_whatever_way) {
  for (const End& end : ends_of_events()) {
    World world(1);
    const Metrics metrics = metrics_of(world);
    Talk talk = start(world);
    EXPECT_EQ(open_in(metrics), "") << end.how;
    answer(world, talk, kEvents);
    world.advance(base::kSecond);
    EXPECT_EQ(open_in(metrics), "sse 1") << end.how;

    end.play(world, talk);
    if (!world.ended()) world.settle();
    EXPECT_EQ(open_in(metrics), "") << end.how;
  }
}

TEST(OpenStreamsSim, events_to_a_client_of_http_2_end_with_its_stream) {
  World world(1);
  const Metrics metrics = metrics_of(world);
  H2End client(world.kernel(), world.connect("h2"), H2End::Role::Client);
  H2Stream& first = client.request(asking());
  static_cast<void>(client.request(asking()));
  world.settle();
  for (int i = 0; i < 2; ++i) {
    Peer target = world.target().take();
    world.send(target, kEvents);
  }
  world.settle();
  EXPECT_EQ(open_in(metrics), "sse 2");

  client.reset(first, NGHTTP2_CANCEL);
  world.settle();
  EXPECT_EQ(open_in(metrics), "sse 1");
  client.break_off(Break::Reset);
  world.settle();
  EXPECT_EQ(open_in(metrics), "");
}

TEST(OpenStreamsSim, a_reload_in_between_leaves_the_count_right) {
  World world(1);
  const Metrics metrics = metrics_of(world);
  Talk talk = start(world);
  answer(world, talk, kEvents);
  world.reload(World::Reload::NewService);
  world.settle();
  EXPECT_EQ(open_in(metrics), "sse 1");
  answer(world, talk, kLastChunk);
  EXPECT_EQ(open_in(metrics), "");
}

TEST(OpenStreamsSim, what_only_speaks_of_events_is_none) {
  for (const char* type : {"text/event-streams", "text/plain; text/event-stream"}) {
    World world(1);
    Talk talk = start(world);
    answer(world, talk,
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: " + std::string(type) +
               "\r\n\r\n1\r\nx\r\n");
    EXPECT_EQ(seen(talk.client), "open");
    EXPECT_EQ(open_in(metrics_of(world)), "") << type;
  }
}

// ---- Calls of gRPC.

Fields calling(const std::string& type = "application/grpc+proto") {
  Fields fields = asking("POST", "/test.Words/Chat");
  fields.emplace_back("content-type", type);
  fields.emplace_back("te", "trailers");
  return fields;
}

// A client that has called a target which speaks HTTP/2.
struct Call {
  explicit Call(World& world, const Fields& fields = calling())
      : client(world.kernel(), world.connect("h2"), H2End::Role::Client),
        stream(client.request(fields, H2End::Content::Follows)) {
    world.settle();
  }

  void reach_target(World& world) {
    target = std::make_unique<H2End>(world.kernel(), world.target().take(), H2End::Role::Server);
    world.settle();
    ASSERT_EQ(target->streams().size(), 1U);
    asked = target->streams().front().get();
  }

  H2End client;
  H2Stream& stream;
  std::unique_ptr<H2End> target;
  H2Stream* asked = nullptr;  // as the target has it
};

struct CallEnd {
  const char* how;
  std::function<void(World&, Call&)> play;
};

std::vector<CallEnd> ends_of_calls() {
  return {
      {"a complete exchange",
       [](World& world, Call& call) {
         call.client.finish(call.stream);
         answer(*call.target, *call.asked);
         world.settle();
         EXPECT_EQ(seen(call.stream), "200 hello");
       }},
      {"an answer of trailers only",
       [](World&, Call& call) { call.target->respond(*call.asked, granting()); }},
      {"a client that cancels",
       [](World&, Call& call) { call.client.reset(call.stream, NGHTTP2_CANCEL); }},
      {"a client that is gone", [](World&, Call& call) { call.client.break_off(Break::Fin); }},
      {"a target that resets",
       [](World&, Call& call) { call.target->reset(*call.asked, NGHTTP2_INTERNAL_ERROR); }},
      {"a target that is gone", [](World&, Call& call) { call.target->break_off(Break::Reset); }},
      {"silence", [](World& world, Call&) { world.advance(301 * base::kSecond); }},
      {"the end of the worker", [](World& world, Call&) { world.end(); }}};
}

TEST(OpenStreamsSim, a_call_is_open_from_reaching_its_target_until_it_ends_in_whatever_way) {
  for (const CallEnd& end : ends_of_calls()) {
    World world(1, {.h2_targets = 1});
    const Metrics metrics = metrics_of(world);
    Call call(world);
    EXPECT_EQ(open_in(metrics), "") << end.how;
    call.reach_target(world);
    EXPECT_EQ(open_in(metrics), "grpc 1") << end.how;

    end.play(world, call);
    if (!world.ended()) world.settle();
    EXPECT_EQ(open_in(metrics), "") << end.how;
  }
}

TEST(OpenStreamsSim, a_call_that_a_target_has_answered_is_open_until_its_last_message) {
  World world(1, {.h2_targets = 1});
  Call call(world);
  call.reach_target(world);
  call.target->respond(*call.asked, granting(), H2End::Content::Follows);
  call.target->write(*call.asked, "message");
  world.advance(base::kSecond);
  EXPECT_EQ(open_in(metrics_of(world)), "grpc 1");
  call.client.finish(call.stream);
  call.target->finish(*call.asked);
  world.settle();
  EXPECT_EQ(open_in(metrics_of(world)), "");
}

TEST(OpenStreamsSim, only_grpc_over_http_2_is_a_call) {
  for (const char* type : {"application/grpc-web+proto", "application/json"}) {
    World world(1, {.h2_targets = 1});
    Call call(world, calling(type));
    call.reach_target(world);
    EXPECT_EQ(open_in(metrics_of(world)), "") << type;
  }
  World world(1);
  Talk talk = start(world,
                    "POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n"
                    "Content-Type: application/grpc\r\n\r\n");
  ASSERT_TRUE(talk.target);
  EXPECT_EQ(open_in(metrics_of(world)), "");
}

// ---- One kind each.

TEST(OpenStreamsSim, a_call_that_is_answered_with_events_stays_a_call) {
  World world(1);
  Call call(world);
  Peer target = world.target().take();
  world.send(target, kEvents);
  world.settle();
  EXPECT_EQ(open_in(metrics_of(world)), "grpc 1");
  call.client.reset(call.stream, NGHTTP2_CANCEL);
  world.settle();
  EXPECT_EQ(open_in(metrics_of(world)), "");
}

TEST(OpenStreamsSim, a_tunnel_whose_request_had_the_type_of_a_call_is_counted_once) {
  World world(1);
  Fields fields = asking_for_tunnel();
  fields.emplace_back("content-type", "application/grpc");
  Call call(world, fields);
  Peer target = world.target().take();
  MessageReader request(MessageReader::Kind::Request);
  request.add(target.read());
  const Exchange granted{.upgrades = true, .status = 101};
  world.send(target, granted.response_bytes(request.message(), world.kernel().random()));
  world.settle();
  EXPECT_EQ(seen(call.stream), "open");
  EXPECT_EQ(open_in(metrics_of(world)), "grpc 1");
  call.client.reset(call.stream, NGHTTP2_CANCEL);
  world.settle();
  EXPECT_EQ(open_in(metrics_of(world)), "");
}

TEST(OpenStreamsSim, a_call_that_is_tried_again_after_a_wait_is_counted_once) {
  World world(1, {.targets = 2, .edit = [](route::Service& service) {
                    service.retry_hold = 10 * base::kSecond;
                    service.retry_on = route::kRetry503;
                  }});
  world.health(1).set_up(false);
  H2End client(world.kernel(), world.connect("h2"), H2End::Role::Client);
  Fields fields = asking();
  fields.emplace_back("content-type", "application/grpc");
  H2Stream& stream = client.request(fields);
  world.settle();
  Peer refuses = world.target(0).take();
  world.send(refuses, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
  world.settle();
  EXPECT_EQ(world.worker().counters().parked, 1U);

  world.health(1).set_up(true);
  world.worker().notify();
  world.settle();
  EXPECT_EQ(open_in(metrics_of(world)), "grpc 1");
  serve_one(world, 1);
  EXPECT_EQ(seen(stream), "200 hello");
  EXPECT_EQ(open_in(metrics_of(world)), "");
}

}  // namespace
}  // namespace sim
