// SPDX-License-Identifier: GPL-3.0-or-later
// What a worker counts of a site, while things go on and after they ended.
#include <gtest/gtest.h>

#include "tests/sim/talk.h"

namespace sim {
namespace {

constexpr std::string_view kUpgrade =
    "GET /t HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n";
constexpr std::string_view kSwitch =
    "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

const route::Service& service_of(World& world) { return *world.worker().snapshot().services[0]; }

route::SiteCounters& site_of(World& world) { return service_of(world).metrics->of(0); }

std::uint64_t get_2xx(World& world) {
  return site_of(world).requests[0][static_cast<std::size_t>(route::Protocol::Http11)][1];
}

TEST(MetricsSim, a_request_is_in_flight_until_its_answer_is_complete) {
  World world(1);
  Talk talk = start(world);
  EXPECT_EQ(site_of(world).in_flight, 1U);
  EXPECT_EQ(get_2xx(world), 0U);

  answer(world, talk);

  EXPECT_EQ(site_of(world).in_flight, 0U);
  EXPECT_EQ(get_2xx(world), 1U);
  EXPECT_EQ(site_of(world).response_bytes, 5U);
}

TEST(MetricsSim, the_time_of_an_answer_is_that_since_its_request) {
  World world(1);
  Talk talk = start(world);
  world.advance(2 * base::kSecond);
  talk.target.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  world.settle();
  world.advance(3 * base::kSecond);
  talk.target.write("hello");
  world.settle();

  const route::SiteCounters& site = site_of(world);
  EXPECT_NEAR(static_cast<double>(site.first_byte.sum()) / base::kSecond, 2, 0.1);
  EXPECT_NEAR(static_cast<double>(site.duration.sum()) / base::kSecond, 5, 0.2);
}

TEST(MetricsSim, only_a_new_connection_has_taken_time_to_connect) {
  World world(1);
  Talk talk = start(world);
  answer(world, talk);
  ask_again(world, talk);
  answer(world, talk);

  std::uint64_t connects = 0;
  for (std::size_t i = 0; i <= route::Histogram::kBounds.size(); ++i)
    connects += site_of(world).upstream_connect.count(i);
  EXPECT_EQ(connects, 1U);
  EXPECT_EQ(world.worker().counters().overhead.count(0), 2U);
  EXPECT_EQ(get_2xx(world), 2U);
}

TEST(MetricsSim, a_websocket_is_open_until_it_ends_and_has_no_duration) {
  World world(1);
  Talk talk = start(world, kUpgrade);
  answer(world, talk, kSwitch);
  EXPECT_EQ(site_of(world).open(route::OpenStream::WebSocket), 1U);
  EXPECT_EQ(site_of(world).open(route::OpenStream::Tunnel), 0U);

  talk.client.finish();
  talk.target.finish();
  world.settle();

  EXPECT_EQ(site_of(world).open(route::OpenStream::WebSocket), 0U);
  EXPECT_EQ(site_of(world).requests[0][1][0], 1U);  // 101
  EXPECT_EQ(site_of(world).duration.sum(), 0U);
}

TEST(MetricsSim, a_client_that_goes_away_is_counted_with_the_status_that_it_never_saw) {
  World world(1);
  Talk talk = start(world);
  talk.client.reset();
  world.settle();

  EXPECT_EQ(site_of(world).requests[0][1][3], 1U);  // 499
  EXPECT_EQ(site_of(world).errors[static_cast<std::size_t>(base::Cause::ClientClosed)], 1U);
  EXPECT_EQ(site_of(world).in_flight, 0U);
}

TEST(MetricsSim, a_refused_connect_is_a_retry_of_one_target_and_a_success_of_the_other) {
  World world(1, {.targets = 2});
  world.kernel().serve(kTargetPort, nullptr);
  std::uint64_t tries = 0;
  for (; site_of(world).retries == 0 && tries < 50; ++tries) {
    Peer client = world.connect();
    client.write("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
    world.settle();
    Peer target = world.target(1).take();
    ASSERT_TRUE(target);
    target.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    world.settle();
  }

  const auto& targets = service_of(world).targets;
  EXPECT_EQ(targets[0].health->totals().retried, 1U);
  EXPECT_EQ(targets[0].health->totals().results[0], 0U);
  EXPECT_EQ(targets[1].health->totals().results[0], tries);
  EXPECT_EQ(get_2xx(world), tries);
}

TEST(MetricsSim, a_target_that_breaks_off_is_named_with_its_error) {
  World world(1);
  Talk talk = start(world);
  talk.target.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  world.settle();
  talk.target.finish();
  world.settle();

  constexpr auto kIncomplete = static_cast<std::size_t>(base::Cause::ResponseIncomplete);
  EXPECT_EQ(service_of(world).targets[0].health->totals().results[kIncomplete], 1U);
  EXPECT_EQ(site_of(world).errors[kIncomplete], 1U);
}

TEST(MetricsSim, a_request_that_no_site_takes_is_counted_as_nobodys) {
  World world(1, {.sites = {{"b.test", "/", 0}}});
  Peer client = world.connect();
  client.write(kGet);
  world.settle();

  EXPECT_TRUE(seen(client).starts_with("404"));
  EXPECT_EQ(world.worker().unrouted().requests[0][1][3], 1U);
  route::SiteCounters sum;
  EXPECT_FALSE(service_of(world).metrics->add_to(sum));
}

TEST(MetricsSim, a_request_that_could_not_be_read_is_an_error_of_the_connection) {
  World world(1);
  Peer client = world.connect();
  client.write("GET / HTTP/1.1\r\nno colon\r\n\r\n");
  world.settle();

  const auto& refusals = world.worker().counters().refusals;
  EXPECT_EQ(refusals[static_cast<std::size_t>(base::Cause::BadRequest)], 1U);
  EXPECT_EQ(world.worker().counters().requests, 0U);
}

TEST(MetricsSim, a_reload_of_the_site_goes_on_counting) {
  World world(1);
  Talk talk = start(world);
  world.reload(World::Reload::NewService);
  answer(world, talk);
  ask_again(world, talk);
  answer(world, talk);

  EXPECT_EQ(get_2xx(world), 2U);
  EXPECT_EQ(site_of(world).in_flight, 0U);
}

}  // namespace
}  // namespace sim
