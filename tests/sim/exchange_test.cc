// SPDX-License-Identifier: GPL-3.0-or-later
// One behaviour each of requests, answers and tunnels, on a kernel without faults.
#include <gtest/gtest.h>

#include "tests/sim/exchange.h"
#include "tests/sim/talk.h"

namespace sim {
namespace {

TEST(ExchangeSim, a_request_reaches_the_target_and_its_answer_the_client) {
  World world(1);
  Talk talk = start(world);
  EXPECT_TRUE(talk.request.starts_with("GET /a HTTP/1.1\r\nHost: a.test\r\n")) << talk.request;

  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
}

TEST(ExchangeSim, heads_may_come_byte_by_byte) {
  World world(1);
  Peer client = world.connect();
  for (const char c : kGet) {
    client.write({&c, 1});
    world.settle();
  }
  Peer target = world.target().take();
  ASSERT_TRUE(target);
  for (const char c : kHello) {
    target.write({&c, 1});
    world.settle();
  }
  EXPECT_EQ(seen(client), "200 hello");
}

TEST(ExchangeSim, the_second_request_reuses_both_connections) {
  World world(1);
  Talk talk = start(world);
  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");

  ask_again(world, talk);
  EXPECT_TRUE(talk.request.starts_with("GET /a")) << talk.request;
  answer(world, talk, answer_of("again"));
  EXPECT_EQ(seen(talk.client), "200 again");
  EXPECT_EQ(world.worker().counters().upstream_reuses, 1U);
}

TEST(ExchangeSim, a_pipelined_request_waits_until_the_first_is_answered) {
  World world(1);
  Talk talk = start(world, std::string(kGet) + "GET /b HTTP/1.1\r\nHost: a.test\r\n\r\n");
  EXPECT_EQ(talk.request.find("/b"), std::string::npos);

  answer(world, talk);
  EXPECT_TRUE(talk.target.read().starts_with("GET /b"));
  EXPECT_EQ(seen(talk.client), "200 hello");
}

TEST(ExchangeSim, a_pipelined_request_hears_of_an_end_that_came_before_its_turn) {
  World world(1);
  Peer client = world.connect();
  client.write(std::string(kGet) +
               "POST /b HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nhalf");
  client.finish();
  world.settle();
  Peer target = world.target().take();
  target.write(kHello);
  world.settle();
  const std::string answers = client.read();
  EXPECT_TRUE(answers.starts_with("HTTP/1.1 200 ")) << answers;
  EXPECT_NE(answers.find("helloHTTP/1.1 400 "), std::string::npos) << answers;
}

TEST(ExchangeSim, a_large_body_of_each_framing_arrives_unchanged_in_both_directions) {
  const std::string body = pattern(1, 1'000'000);
  World world(1);
  Peer client = world.connect();
  MessageReader request(MessageReader::Kind::Request);
  std::string out = post_of(body);
  Peer target;
  while (!request.complete()) {
    out.erase(0, client.write(out));
    world.settle();
    if (!target) target = world.target().take();
    ASSERT_TRUE(target);
    request.add(target.read());
  }
  EXPECT_EQ(request.message().body, body);
  EXPECT_GT(world.worker().counters().bytes_spliced, 500'000U);

  MessageReader response(MessageReader::Kind::Response);
  out = "HTTP/1.1 200 OK\r\n\r\n" + body;
  while (!out.empty()) {
    out.erase(0, target.write(out));
    world.settle();
    response.add(client.read());
  }
  target.finish();
  world.settle();
  response.add(client.read());
  EXPECT_TRUE(response.complete());
  EXPECT_EQ(response.message().field("transfer-encoding"), "chunked");
  EXPECT_EQ(response.message().body, body);
}

TEST(ExchangeSim, a_tunnel_carries_what_either_side_sends_early) {
  World world(1);
  const std::string upgrade =
      "GET /t HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: sim\r\n\r\n";
  Talk talk = start(world, upgrade + "early up");
  answer(world, talk,
         "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: sim\r\n\r\nearly down");

  EXPECT_EQ(talk.target.read(), "early up");
  EXPECT_TRUE(talk.client.read().ends_with("\r\n\r\nearly down"));
}

TEST(ExchangeSim, a_tunnel_delivers_early_bytes_before_the_end_that_follows_them) {
  World world(1);
  const std::string upgrade =
      "GET /t HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: sim\r\n\r\n";
  Talk talk = start(world, upgrade + "early up");
  talk.client.finish();
  world.settle();
  answer(world, talk, "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: sim\r\n\r\n");

  EXPECT_EQ(talk.target.read(), "early up");
  EXPECT_TRUE(talk.target.at_end());
}

TEST(ExchangeSim, a_client_that_half_closes_gets_its_answer) {
  World world(1);
  Talk talk = start(world);
  talk.client.finish();
  world.settle();

  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
}

TEST(ExchangeSim, the_interim_100_reaches_the_client_before_it_sends_the_body) {
  World world(1);
  Talk talk = start(
      world,
      "POST /a HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  answer(world, talk, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(talk.client.read().starts_with("HTTP/1.1 100"));

  ask_again(world, talk, "body");
  EXPECT_EQ(talk.request, "body");
  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
}

}  // namespace
}  // namespace sim
