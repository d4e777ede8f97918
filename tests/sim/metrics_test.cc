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

// How many it has counted.
std::uint64_t times(const route::Histogram& histogram) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= route::Histogram::kBounds.size(); ++i) count += histogram.count(i);
  return count;
}

// All together. Ticks take a moment each.
double seconds(const route::Histogram& histogram) {
  return static_cast<double>(histogram.sum()) / base::kSecond;
}
constexpr double kMoment = 0.01;

// Two targets; who gets 503 from one asks the other.
Options retrying_on_503() {
  return {.targets = 2,
          .edit = [](route::Service& service) { service.retry_on = route::kRetry503; }};
}

void answer_503(World& world) {
  Peer target = world.target(0).take();
  ASSERT_TRUE(target);
  world.send(target, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
  world.settle();
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

  EXPECT_EQ(times(site_of(world).upstream_connect), 1U);
  EXPECT_EQ(world.worker().counters().overhead.count(0), 2U);
  EXPECT_EQ(get_2xx(world), 2U);
}

// ---- How long targets took.

TEST(MetricsSim, the_time_at_a_target_is_from_the_request_sent_until_the_answers_last_byte) {
  Options options;
  options.limits.target_connections_max = 1;
  World world(1, options);
  Talk busy = start(world);
  Peer waits = ask(world);
  world.advance(2 * base::kSecond);
  answer(world, busy);  // the other gets its connection
  world.advance(3 * base::kSecond);
  answer(world, busy, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
  world.advance(4 * base::kSecond);
  answer(world, busy, "lo");

  EXPECT_EQ(seen(waits), "200 hello");
  const route::SiteCounters& site = site_of(world);
  EXPECT_EQ(times(site.upstream_duration), 2U);
  EXPECT_NEAR(seconds(site.upstream_duration), 2 + 7, kMoment);
  EXPECT_NEAR(seconds(site.duration), 2 + 9, kMoment);
}

TEST(MetricsSim, a_client_that_reads_slowly_adds_nothing_to_the_time_at_the_target) {
  for (const bool buffered : {false, true}) {
    World world(1, {.edit = [=](route::Service& service) {
                  service.buffering.responses = buffered;
                  service.buffering.memory_bytes = 1'000'000;
                }});
    Talk talk = start(world);
    talk.client.socket().outbound_max = 30'000;
    talk.target.socket().inbound_max = 300'000;
    world.advance(base::kSecond);
    world.send(talk.target, answer_of(pattern(1, 200'000)));
    world.settle();
    ASSERT_EQ(talk.target.socket().inbound.size(), 0U);  // the worker has all of it
    world.advance(5 * base::kSecond);
    EXPECT_EQ(site_of(world).in_flight, 1U);
    for (int i = 0; i < 100 && site_of(world).in_flight > 0; ++i, world.settle())
      static_cast<void>(talk.client.read());

    EXPECT_NEAR(seconds(site_of(world).upstream_duration), 1, kMoment);
    EXPECT_NEAR(seconds(site_of(world).duration), 6, kMoment);
  }
}

TEST(MetricsSim, an_answer_without_a_body_has_taken_the_target_until_its_head) {
  World world(1, {.h2_targets = 1});
  Peer client = ask(world);
  H2End target(world.kernel(), world.target().take(), H2End::Role::Server);
  world.settle();
  world.advance(2 * base::kSecond);
  target.respond(*target.streams().at(0), {{":status", "204"}});
  world.settle();

  EXPECT_TRUE(seen(client).starts_with("204"));
  EXPECT_EQ(times(site_of(world).upstream_duration), 1U);
  EXPECT_NEAR(seconds(site_of(world).upstream_duration), 2, kMoment);
}

TEST(MetricsSim, of_several_targets_that_were_tried_the_last_ones_time_counts) {
  World world(1, retrying_on_503());
  world.health(1).set_up(false);
  Peer client = ask(world);
  world.advance(2 * base::kSecond);
  world.health(1).set_up(true);
  answer_503(world);
  world.advance(3 * base::kSecond);
  serve_one(world, 1);

  EXPECT_EQ(seen(client), "200 hello");
  const route::SiteCounters& site = site_of(world);
  EXPECT_EQ(times(site.upstream_duration), 1U);
  EXPECT_NEAR(seconds(site.upstream_duration), 3, kMoment);
  EXPECT_NEAR(seconds(site.first_byte), 5, kMoment);
}

TEST(MetricsSim, an_answer_of_our_own_after_a_retry_has_no_first_byte_of_a_target) {
  World world(1, retrying_on_503());
  world.kernel().serve(kTargetPort + 1, nullptr);  // refuses
  world.health(1).set_up(false);
  Peer client = ask(world);
  world.health(1).set_up(true);
  answer_503(world);

  EXPECT_TRUE(seen(client).starts_with("502"));
  EXPECT_EQ(times(site_of(world).first_byte), 0U);
  EXPECT_EQ(times(site_of(world).upstream_duration), 0U);
}

TEST(MetricsSim, who_closes_without_a_byte_after_another_has_answered_is_not_said_to_have_begun) {
  World world(1, retrying_on_503());
  world.health(1).set_up(false);
  Peer client = ask(world);
  world.health(1).set_up(true);
  answer_503(world);
  Peer second = world.target(1).take();
  ASSERT_TRUE(second);
  second.finish();
  world.settle();

  EXPECT_TRUE(seen(client).starts_with("502"));
  const auto& errors = site_of(world).errors;
  EXPECT_EQ(errors[static_cast<std::size_t>(base::Cause::ConnectionTerminated)], 1U);
}

TEST(MetricsSim, what_did_not_come_whole_from_a_target_has_no_time_there) {
  World world(1, {.edit = [](route::Service& service) { service.uncounted_paths = {"/up"}; }});
  Talk cut = start(world);
  answer(world, cut, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  cut.target.finish();
  world.settle();
  Talk left = start(world);
  answer(world, left, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  left.client.reset();
  world.settle();
  Talk skipped = start(world, "GET /up HTTP/1.1\r\nHost: a.test\r\n\r\n");
  answer(world, skipped);

  EXPECT_EQ(seen(skipped.client), "200 hello");
  EXPECT_EQ(times(site_of(world).upstream_duration), 0U);
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
  EXPECT_EQ(times(site_of(world).duration), 0U);
  EXPECT_EQ(times(site_of(world).upstream_duration), 0U);
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
