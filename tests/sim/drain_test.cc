// SPDX-License-Identifier: GPL-3.0-or-later
// Targets that are drained: who still uses one ends when its time is over, and nobody else.
#include <gtest/gtest.h>

#include "tests/sim/exchange.h"
#include "tests/sim/talk.h"
#include "tests/sim/tls_end.h"

namespace sim {
namespace {

constexpr base::Time kSoon = 5 * base::kSecond;
constexpr base::Time kLater = 50 * base::kSecond;
constexpr std::string_view kUpgrade =
    "GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: sim\r\n\r\n";
constexpr std::string_view kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sim\r\n\r\n";

Talk start_tunnel(World& world) {
  Talk talk = start(world, kUpgrade);
  answer(world, talk, kSwitching);
  EXPECT_TRUE(talk.client.read().starts_with("HTTP/1.1 101"));
  return talk;
}

TEST(DrainSim, a_request_that_is_not_answered_when_its_targets_time_ends_gets_504) {
  World world(1);
  Talk talk = start(world);
  world.drain(0, kSoon, kLater);
  world.settle();
  world.advance(4 * base::kSecond);
  EXPECT_EQ(seen(talk.client), "nothing");

  world.advance(2 * base::kSecond);
  const std::string bytes = talk.client.read();
  EXPECT_TRUE(bytes.starts_with("HTTP/1.1 504 "));
  EXPECT_NE(bytes.find("error=drained"), std::string::npos);
  EXPECT_TRUE(talk.target.is_over());
}

TEST(DrainSim, a_request_that_is_answered_in_time_ends_as_any_other) {
  World world(1);
  Talk talk = start(world);
  world.drain(0, kSoon, kLater);
  world.advance(4 * base::kSecond);
  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
}

TEST(DrainSim, a_response_that_is_on_its_way_is_cut) {
  World world(1);
  Talk talk = start(world);
  answer(world, talk, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome");
  world.drain(0, kSoon, kLater);
  world.advance(6 * base::kSecond);
  EXPECT_EQ(seen(talk.client), "broken");
  EXPECT_TRUE(talk.client.is_over());
  EXPECT_TRUE(talk.target.is_over());
}

TEST(DrainSim, a_drain_with_no_time_ends_requests_at_once) {
  World world(1);
  Talk talk = start(world);
  world.drain(0, 0, kLater);
  world.advance(10 * base::kMillisecond);
  EXPECT_TRUE(seen(talk.client).starts_with("504"));
}

TEST(DrainSim, a_tunnel_outlives_requests_and_ends_in_an_orderly_way_on_both_sides) {
  World world(1);
  Talk talk = start_tunnel(world);
  world.drain(0, kSoon, kLater);
  world.advance(49 * base::kSecond);
  world.send(talk.client, "up");
  world.settle();
  EXPECT_EQ(talk.target.read(), "up");

  world.advance(2 * base::kSecond);
  EXPECT_TRUE(talk.client.at_end());
  EXPECT_TRUE(talk.target.at_end());
  EXPECT_FALSE(talk.client.was_reset());
  EXPECT_FALSE(talk.target.was_reset());
  world.advance(5 * base::kSecond);
  EXPECT_EQ(world.kernel().open_sockets(), 0U);
}

TEST(DrainSim, a_tunnel_over_tls_ends_with_close_notify_on_both_sides) {
  World world(1, {.secure_clients = true, .secure_targets = true});
  Talk talk = start_tunnel(world);
  world.drain(0, kSoon, kLater);
  world.advance(51 * base::kSecond);
  EXPECT_EQ(talk.client.read() + talk.target.read(), "");
  EXPECT_TRUE(talk.client.at_end());
  EXPECT_TRUE(talk.target.at_end());
  EXPECT_FALSE(talk.client.was_reset());
  EXPECT_FALSE(talk.target.was_reset());
}

TEST(DrainSim, a_tunnel_of_http_2_ends_with_the_end_of_its_stream_alone) {
  World world(1);
  H2End client(world.kernel(), world.connect("h2"), H2End::Role::Client);
  H2Stream& tunnel = client.request(asking_for_tunnel(), H2End::Content::Follows);
  world.settle();
  Peer target = world.target().take();
  MessageReader request(MessageReader::Kind::Request);
  request.add(target.read());
  const Exchange granted{.upgrades = true, .status = 101};
  world.send(target, granted.response_bytes(request.message(), world.kernel().random()) + "down");
  world.settle();
  EXPECT_EQ(seen(tunnel), "open");

  world.drain(0, kSoon, kLater);
  world.advance(51 * base::kSecond);
  EXPECT_EQ(seen(tunnel), "200 down");
  EXPECT_TRUE(tunnel.closed) << "whoever goes on sending would never hear of the end";
  EXPECT_TRUE(target.at_end());
  EXPECT_FALSE(client.over());
}

TEST(DrainSim, streams_of_other_targets_and_of_the_successor_stay) {
  World world(1, {.targets = 2, .edit = [](route::Service& service) {
                    service.balance = route::Balance::RoundRobin;
                  }});
  Peer clients[2] = {world.connect(), world.connect()};
  for (Peer& client : clients) world.send(client, kGet);
  world.settle();
  Peer targets[2] = {world.target(0).take(), world.target(1).take()};
  ASSERT_TRUE(targets[0] && targets[1]);

  world.drain(0, kSoon, kLater);
  world.settle();
  Peer after[2] = {world.connect(), world.connect()};
  for (Peer& client : after) world.send(client, kGet);
  world.settle();
  world.advance(10 * base::kSecond);
  world.send(targets[1], kHello);
  for (std::size_t i = 0; i < 2; ++i) {
    Peer target = world.target(i).take();
    ASSERT_TRUE(target);
    world.send(target, kHello);
  }
  world.settle();
  int served = 0;
  for (Peer* client : {&clients[0], &clients[1], &after[0], &after[1]})
    served += seen(*client) == "200 hello" ? 1 : 0;
  EXPECT_EQ(served, 3);
}

// ---- Tallies.

TEST(DrainSim, a_target_knows_how_many_streams_and_tunnels_use_it) {
  World world(1);
  route::TargetHealth& health = world.health();
  const auto totals = [&] {
    const auto now = health.totals();
    return std::vector<std::uint64_t>{now.inflight, now.tunnels, now.requests};
  };
  Talk talk = start(world);
  EXPECT_EQ(totals(), (std::vector<std::uint64_t>{1, 0, 1}));
  Talk tunnel = start_tunnel(world);
  EXPECT_EQ(totals(), (std::vector<std::uint64_t>{2, 1, 2}));
  answer(world, talk);
  EXPECT_EQ(totals(), (std::vector<std::uint64_t>{1, 1, 2}));
  tunnel.client.reset();
  world.settle();
  EXPECT_EQ(totals(), (std::vector<std::uint64_t>{0, 0, 2}));
}

TEST(DrainSim, a_request_that_is_tried_on_two_targets_is_counted_for_both_and_used_by_one) {
  World world(1, {.targets = 2, .edit = [](route::Service& service) {
                    service.balance = route::Balance::First;
                  }});
  world.kernel().serve(kTargetPort, nullptr);  // refuses
  Peer client = world.connect();
  world.send(client, kGet);
  world.settle();
  EXPECT_EQ(world.health(0).totals().requests, 1U);
  EXPECT_EQ(world.health(0).totals().inflight, 0U);
  EXPECT_EQ(world.health(1).totals().requests, 1U);
  EXPECT_EQ(world.health(1).totals().inflight, 1U);
}

}  // namespace
}  // namespace sim
