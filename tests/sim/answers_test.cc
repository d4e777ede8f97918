// SPDX-License-Identifier: GPL-3.0-or-later
// What the engine answers by itself: refusals, redirects, fixed answers.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/sim/talk.h"

namespace sim {
namespace {

// The whole answer to one request that needs no target.
Message answer_to(World& world, std::string_view request, std::string_view method = "GET") {
  Peer client = world.connect();
  world.send(client, request);
  world.settle();
  MessageReader reader(MessageReader::Kind::Response);
  reader.start(method);
  reader.add(client.read());
  EXPECT_TRUE(reader.complete()) << reader.why();
  EXPECT_EQ(reader.take_rest(), "");
  return reader.message();
}

Options two_local_sites() {
  Options options;
  options.sites = {
      {"shop.localhost", "/", 0}, {"blog.localhost", "/docs", 0}, {"example.com", "/", 0}};
  return options;
}

TEST(AnswersSim, a_mistyped_local_name_is_told_the_local_sites_and_no_public_ones) {
  World world(1, two_local_sites());
  const Message message = answer_to(world, "GET / HTTP/1.1\r\nHost: shap.localhost\r\n\r\n");
  EXPECT_EQ(message.status(), 404);
  EXPECT_NE(message.body.find("shop.localhost"), std::string::npos);
  EXPECT_EQ(message.body.find("example.com"), std::string::npos);

  const Message outside = answer_to(world, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
  EXPECT_EQ(outside.body.find("localhost"), std::string::npos);
}

TEST(AnswersSim, a_refusal_is_json_for_who_prefers_that) {
  World world(1, two_local_sites());
  const Message message = answer_to(
      world, "GET / HTTP/1.1\r\nHost: shap.localhost\r\nAccept: application/json\r\n\r\n");
  EXPECT_EQ(message.field("content-type"), "application/json");
  const auto json = nlohmann::json::parse(message.body);
  EXPECT_EQ(json["status"], 404);
  EXPECT_EQ(json["sites"].size(), 2U);
}

TEST(AnswersSim, a_refused_head_request_gets_the_head_alone) {
  World world(1, two_local_sites());
  const Message message =
      answer_to(world, "HEAD /x HTTP/1.1\r\nHost: blog.localhost\r\n\r\n", "HEAD");
  EXPECT_EQ(message.status(), 404);
  EXPECT_NE(message.field("content-length"), "0");
}

TEST(AnswersSim, a_refusal_names_its_cause_in_proxy_status) {
  World world(1);
  world.kernel().serve(kTargetPort, nullptr);  // nobody listens there
  const Message message = answer_to(world, kGet);
  EXPECT_EQ(message.status(), 502);
  const std::string status = message.field("proxy-status");
  EXPECT_NE(status.find("error=connection_refused"), std::string::npos) << status;
  EXPECT_NE(status.find("next-hop=\"10.0.0.1:9000\""), std::string::npos) << status;
}

TEST(AnswersSim, a_custom_page_replaces_the_body_and_not_the_status) {
  World world(1,
              {.edit = [](route::Service& service) { service.error_pages[5] = "<p>Back soon"; }});
  world.kernel().serve(kTargetPort, nullptr);
  const Message message = answer_to(world, kGet);
  EXPECT_EQ(message.status(), 502);
  EXPECT_EQ(message.body, "<p>Back soon");
}

TEST(AnswersSim, a_redirect_keeps_path_and_query) {
  World world(1, {.edit = [](route::Service& service) {
                service.answer = route::Answer::Redirect;
                service.text = "https://{host}{uri}";
              }});
  const Message message = answer_to(world, "GET /a/b?c=d HTTP/1.1\r\nHost: a.test:8080\r\n\r\n");
  EXPECT_EQ(message.status(), 308);
  EXPECT_EQ(message.field("location"), "https://a.test/a/b?c=d");
}

TEST(AnswersSim, a_fixed_answer_leaves_the_connection_open) {
  World world(1, {.edit = [](route::Service& service) {
                service.answer = route::Answer::Status;
                service.status = 410;
                service.text = "Gone for good";
              }});
  Peer client = world.connect();
  for (int i = 0; i < 3; ++i) {
    world.send(client, kGet);
    world.settle();
    EXPECT_TRUE(seen(client).starts_with("410 "));
  }
}

TEST(AnswersSim, options_with_max_forwards_zero_goes_no_further) {
  World world(1);
  const Message message =
      answer_to(world, "OPTIONS * HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 0\r\n\r\n");
  EXPECT_EQ(message.status(), 204);
  EXPECT_TRUE(message.has("allow"));
  EXPECT_EQ(world.target().waiting(), 0U);
}

TEST(AnswersSim, a_body_past_its_limit_is_refused_however_it_is_framed) {
  World world(1, {.edit = [](route::Service& service) { service.body_bytes_max = 10; }});
  EXPECT_EQ(
      answer_to(world, "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 11\r\n\r\n").status(),
      413);
  EXPECT_EQ(world.target().waiting(), 0U);

  const std::string chunked =
      "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n";
  EXPECT_EQ(answer_to(world, chunked).status(), 413);
  MessageReader reader(MessageReader::Kind::Request);
  Peer target = world.target().take();
  reader.add(target.read());
  reader.end();
  EXPECT_FALSE(reader.complete());
}

TEST(AnswersSim, requests_past_the_limit_in_flight_are_refused_and_the_place_is_given_back) {
  World world(1, {.edit = [](route::Service& service) { service.inflight_max = 1; }});
  Talk talk = start(world);
  EXPECT_EQ(answer_to(world, kGet).status(), 429);

  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
  Talk next = start(world);
  answer(world, talk);
  EXPECT_EQ(seen(next.client), "200 hello");
}

TEST(AnswersSim, every_refused_connect_is_tried_on_another_target_once) {
  World world(1, {.targets = 2});
  world.kernel().serve(kTargetPort, nullptr);
  for (int i = 0; i < 10; ++i) {
    Peer client = world.connect();
    client.write("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
    world.settle();
    Peer target = world.target(1).take();
    ASSERT_TRUE(target);
    target.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    world.settle();
    EXPECT_TRUE(seen(client).starts_with("200"));
    target.close();
  }
  EXPECT_GT(world.worker().counters().retries, 0U);
}

}  // namespace
}  // namespace sim
