// SPDX-License-Identifier: GPL-3.0-or-later
// What a worker answers control while exchanges go on.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/sim/talk.h"

namespace sim {
namespace {

using View = route::ConnectionView;

route::Report list(World& world, route::ConnectionFilter filter = {}, std::size_t most = 100) {
  return world.inquire(route::ListConnections{.filter = std::move(filter), .most = most});
}

View only(World& world) {
  const route::Report report = list(world);
  EXPECT_EQ(report.connections.size(), 1U);
  return report.connections.empty() ? View{} : report.connections.front();
}

TEST(InquirySim, a_connection_that_has_said_nothing_is_idle_and_speaks_nothing_yet) {
  World world(1);
  Peer client = world.connect();
  world.settle();
  world.advance(2 * base::kSecond);
  const View view = only(world);
  EXPECT_EQ(view.state, View::State::Idle);
  EXPECT_EQ(view.protocol, View::Protocol::Unknown);
  EXPECT_NEAR(static_cast<double>(view.age) / base::kSecond, 2, 0.1);
  EXPECT_EQ(view.port, 80);
  EXPECT_FALSE(view.client.empty());
}

TEST(InquirySim, an_exchange_is_active_until_its_end_and_says_what_moved_and_when) {
  World world(1);
  Talk talk = start(world);
  world.advance(2 * base::kSecond);
  talk.target.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
  world.settle();
  world.advance(3 * base::kSecond);

  const View during = only(world);
  EXPECT_EQ(during.state, View::State::Active);
  EXPECT_EQ(during.protocol, View::Protocol::Http1);
  EXPECT_EQ(during.streams, 1U);
  EXPECT_EQ(during.requests, 1U);
  EXPECT_EQ(during.bytes_out, 3U);
  EXPECT_FALSE(during.target.empty());
  EXPECT_FALSE(during.site.empty());
  EXPECT_NEAR(static_cast<double>(during.idle) / base::kSecond, 3, 0.2);
  EXPECT_NEAR(static_cast<double>(during.age) / base::kSecond, 5, 0.3);

  talk.target.write("lo");
  world.settle();
  world.advance(base::kSecond);

  const View after = only(world);
  EXPECT_EQ(after.number, during.number);
  EXPECT_EQ(after.state, View::State::Idle);
  EXPECT_EQ(after.streams, 0U);
  EXPECT_EQ(after.bytes_out, 0U);
  EXPECT_EQ(after.site, "");
  EXPECT_NEAR(static_cast<double>(after.idle) / base::kSecond, 1, 0.1);
}

TEST(InquirySim, a_websocket_is_a_tunnel) {
  World world(1);
  Talk talk = start(world,
                    "GET /t HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\n"
                    "Upgrade: websocket\r\n\r\n");
  answer(world, talk, "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  world.send(talk.client, "ping");
  const View view = only(world);
  EXPECT_EQ(view.protocol, View::Protocol::Tunnel);
  EXPECT_EQ(view.bytes_in, 4U);
}

TEST(InquirySim, streams_of_one_connection_of_http_2_are_counted_together) {
  World world(1, {.secure_clients = true});
  H2End client(world.kernel(), world.connect("h2"), H2End::Role::Client, {});
  client.request(asking());
  client.request(asking());
  world.settle();
  const View both = only(world);
  EXPECT_EQ(both.protocol, View::Protocol::Http2);
  EXPECT_EQ(both.tls, "1.3");
  EXPECT_EQ(both.alpn, "h2");
  EXPECT_EQ(both.streams, 2U);
  EXPECT_EQ(both.requests, 2U);

  Peer target = world.target().take();
  world.send(target, kHello);
  world.settle();
  EXPECT_EQ(only(world).streams, 1U);

  EXPECT_TRUE(world.inquire(route::CloseConnection{both.number}).closed);
  world.settle();
  EXPECT_TRUE(list(world).connections.empty());
}

TEST(InquirySim, no_more_are_listed_than_asked_for_and_that_is_said) {
  World world(1);
  std::vector<Peer> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(world.connect());
  world.settle();
  EXPECT_FALSE(list(world, {}, 3).truncated);
  const route::Report report = list(world, {}, 2);
  EXPECT_TRUE(report.truncated);
  ASSERT_EQ(report.connections.size(), 2U);
  EXPECT_LT(report.connections[0].number, report.connections[1].number);
  EXPECT_TRUE(list(world, {.state = View::State::Active}).connections.empty());
}

TEST(InquirySim, a_connection_is_closed_by_its_number_in_the_middle_of_an_exchange) {
  World world(1);
  Talk talk = start(world);
  const std::uint64_t number = only(world).number;

  EXPECT_FALSE(world.inquire(route::CloseConnection{number + 1}).closed);
  EXPECT_TRUE(world.inquire(route::CloseConnection{number}).closed);
  world.settle();

  EXPECT_TRUE(talk.client.is_over());
  EXPECT_TRUE(talk.target.is_over());
  EXPECT_TRUE(list(world).connections.empty());
  EXPECT_FALSE(world.inquire(route::CloseConnection{number}).closed);
}

TEST(InquirySim, an_idle_connection_is_closed_and_its_number_never_used_again) {
  World world(1);
  Talk talk = start(world);
  answer(world, talk);
  const std::uint64_t number = only(world).number;
  EXPECT_TRUE(world.inquire(route::CloseConnection{number}).closed);
  world.settle();
  EXPECT_TRUE(talk.client.is_over());

  Peer other = world.connect();
  world.settle();
  EXPECT_NE(only(world).number, number);
}

TEST(InquirySim, a_tap_gets_the_wanted_requests_also_those_that_the_log_leaves_out) {
  World world(1, {.access = {.format = proxy::LogFormat::Text, .skip = {"/a"}}});
  const auto tap = std::make_shared<route::Tap>(route::TapFilter{.path = "/a"}, 1, [] {});
  world.inquire(route::BeginTap{tap});
  Talk talk = start(world);
  answer(world, talk);
  ask_again(world, talk, "GET /b HTTP/1.1\r\nHost: a.test\r\n\r\n");
  answer(world, talk);

  std::string lines;
  tap->take(lines);
  EXPECT_TRUE(lines.starts_with("{\"ts\":")) << lines;
  EXPECT_TRUE(lines.contains("\"path\":\"/a\"")) << lines;
  EXPECT_EQ(std::ranges::count(lines, '\n'), 1);
  EXPECT_TRUE(world.access_log().peek().contains("/b"));
  EXPECT_FALSE(world.access_log().peek().contains("/a "));

  world.inquire(route::EndTap{tap});
  ask_again(world, talk);
  answer(world, talk);
  lines.clear();
  tap->take(lines);
  EXPECT_EQ(lines, "");
}

}  // namespace
}  // namespace sim
