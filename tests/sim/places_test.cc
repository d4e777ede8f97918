// SPDX-License-Identifier: GPL-3.0-or-later
// Limits that hold for all workers together: requests in progress, and connections to one target.
// The other workers are played by the test.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/sim/h2_end.h"
#include "tests/sim/talk.h"

namespace sim {
namespace {

Options with_connections(std::uint32_t most, unsigned workers = 1) {
  Options options;
  options.limits.target_connections_max = most;
  options.workers = workers;
  return options;
}

Options with_requests(std::uint32_t most) {
  Options options;
  options.limits.requests_max = most;
  return options;
}

std::uint64_t queued(World& world) {
  route::SiteCounters sum;
  world.worker().snapshot().services[0]->metrics->add_to(sum);
  return sum.queued;
}

std::string get(const std::string& path) {
  return "GET /" + path + " HTTP/1.1\r\nHost: a.test\r\n\r\n";
}

// The path of the request that has arrived.
std::string path_at(Peer& target) {
  const std::string request = target.read();
  return request.substr(0, request.find(" HTTP/"));
}

// ---- Requests in progress.

TEST(PlacesSim, a_request_past_the_limit_of_the_engine_gets_503_and_the_place_is_given_back) {
  World world(1, with_requests(1));
  Talk talk = start(world);
  Peer other = ask(world);
  const Message refusal = answer_in(other);
  EXPECT_EQ(refusal.status(), 503);
  EXPECT_EQ(refusal.field("retry-after"), "1");
  EXPECT_NE(refusal.field("proxy-status").find("error=concurrency_limit"), std::string::npos);

  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
  EXPECT_EQ(world.requests().taken(), 0U);
  ask_again(world, talk);
  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
}

TEST(PlacesSim, what_other_workers_have_in_progress_counts) {
  World world(1, with_requests(2));
  ASSERT_TRUE(world.requests().take(2));
  Talk talk = start(world);
  Peer other = ask(world);
  EXPECT_TRUE(seen(other).starts_with("503"));
  answer(world, talk);
  world.requests().give_back();
  EXPECT_EQ(world.requests().taken(), 0U);
}

TEST(PlacesSim, what_needs_no_target_needs_no_place) {
  Options options = with_requests(1);
  options.edit = [](route::Service& service) {
    service.answer = route::Answer::Redirect;
    service.text = "https://b.test{uri}";
  };
  World world(1, options);
  ASSERT_TRUE(world.requests().take(1));
  Peer client = ask(world);
  EXPECT_TRUE(seen(client).starts_with("308"));
  world.requests().give_back();
}

TEST(PlacesSim, a_tunnel_keeps_its_place_until_it_ends) {
  World world(1, with_requests(1));
  Talk talk =
      start(world, "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: sim\r\n\r\n");
  answer(world, talk,
         "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sim\r\n\r\n");
  EXPECT_EQ(world.requests().taken(), 1U);
  Peer other = ask(world);
  EXPECT_TRUE(seen(other).starts_with("503"));

  talk.client.reset();
  world.settle();
  EXPECT_EQ(world.requests().taken(), 0U);
}

TEST(PlacesSim, a_reload_changes_the_limit_of_requests_without_a_leak) {
  World world(1, with_requests(0));
  Talk uncounted = start(world);
  world.change([](Options& options) { options.limits.requests_max = 1; });
  world.settle();
  Talk counted = start(world);
  EXPECT_EQ(world.requests().taken(), 1U);
  world.change([](Options& options) { options.limits.requests_max = 0; });
  world.settle();
  answer(world, uncounted);
  answer(world, counted);
  EXPECT_EQ(seen(counted.client), "200 hello");
  EXPECT_EQ(world.requests().taken(), 0U);
}

// ---- Connections to one target.

TEST(PlacesSim, requests_wait_for_the_connection_in_the_order_of_their_arrival) {
  World world(1, with_connections(1));
  std::vector<Peer> clients;
  for (const char* path : {"0", "1", "2"}) clients.push_back(ask(world, get(path)));
  Peer target = world.target().take();
  EXPECT_EQ(world.target().waiting(), 0U);
  EXPECT_EQ(queued(world), 2U);
  EXPECT_EQ(world.worker().counters().parked, 2U);

  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(path_at(target), "GET /" + std::to_string(i));
    world.send(target, kHello);
    world.settle();
    EXPECT_EQ(seen(clients[static_cast<std::size_t>(i)]), "200 hello");
  }
  EXPECT_EQ(queued(world), 0U);
  EXPECT_EQ(world.worker().counters().upstream_connects, 1U);
}

TEST(PlacesSim, a_new_request_does_not_overtake_those_that_wait) {
  World world(1, with_connections(1));
  Talk talk = start(world);
  Peer early = ask(world, get("early"));
  Peer late = world.connect();
  world.settle();
  // The answer that frees the connection and the new request come in one tick.
  talk.target.write(kHello);
  late.write(get("late"));
  world.settle();
  EXPECT_EQ(path_at(talk.target), "GET /early");
  world.send(talk.target, kHello);
  world.settle();
  EXPECT_EQ(path_at(talk.target), "GET /late");
}

TEST(PlacesSim, a_place_is_free_when_the_connection_is_closed) {
  World world(1, with_connections(1));
  Talk talk = start(world);
  Peer next = ask(world);
  answer(world, talk, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
  talk.target.close();
  world.settle();
  serve_one(world);
  EXPECT_EQ(seen(next), "200 hello");
  EXPECT_EQ(world.connections().places().taken(), 1U);
}

TEST(PlacesSim, who_waits_for_longer_than_a_connect_may_take_gets_503) {
  World world(1, with_connections(1));
  Talk talk = start(world);
  Peer other = ask(world);
  world.advance(1'900 * base::kMillisecond);
  EXPECT_EQ(seen(other), "nothing");
  world.advance(200 * base::kMillisecond);
  const Message refusal = answer_in(other);
  EXPECT_EQ(refusal.status(), 503);
  EXPECT_EQ(refusal.field("retry-after"), "1");
  EXPECT_NE(refusal.field("proxy-status").find("error=connection_limit_reached"),
            std::string::npos);
  EXPECT_EQ(queued(world), 0U);
  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
}

TEST(PlacesSim, a_client_that_goes_away_leaves_the_queue) {
  World world(1, with_connections(1));
  Talk talk = start(world);
  Peer gone = ask(world, get("gone"));
  Peer next = ask(world, get("next"));
  gone.reset();
  world.settle();
  EXPECT_EQ(queued(world), 1U);
  answer(world, talk);
  EXPECT_EQ(path_at(talk.target), "GET /next");
}

TEST(PlacesSim, who_waits_keeps_its_place_among_the_requests_in_progress) {
  Options options = with_connections(1);
  options.edit = [](route::Service& service) { service.inflight_max = 2; };
  World world(1, options);
  Talk talk = start(world);
  Peer waiting = ask(world);
  Peer third = ask(world);
  EXPECT_TRUE(seen(third).starts_with("429"));
  answer(world, talk);
  answer(world, talk);
  EXPECT_EQ(seen(waiting), "200 hello");
}

TEST(PlacesSim, as_many_wait_as_may_be_parked) {
  Options options = with_connections(1);
  options.limits.parked_max = 1;
  World world(1, options);
  Talk talk = start(world);
  Peer waiting = ask(world);
  Peer third = ask(world);
  EXPECT_TRUE(seen(third).starts_with("503"));
  EXPECT_EQ(queued(world), 1U);
}

TEST(PlacesSim, a_reload_that_raises_the_limit_lets_them_go_in_order) {
  World world(1, with_connections(1));
  Talk talk = start(world);
  std::vector<Peer> clients;
  for (const char* path : {"1", "2", "3"}) clients.push_back(ask(world, get(path)));
  world.change([](Options& options) { options.limits.target_connections_max = 3; });
  world.settle();
  Peer first = world.target().take();
  Peer second = world.target().take();
  ASSERT_TRUE(second);
  EXPECT_FALSE(world.target().take());
  // Which of two connects is done first is chance.
  EXPECT_EQ((std::set{path_at(first), path_at(second)}),
            (std::set<std::string>{"GET /1", "GET /2"}));
  answer(world, talk);
  EXPECT_EQ(path_at(talk.target), "GET /3");
}

TEST(PlacesSim, a_lower_limit_is_reached_as_connections_come_back) {
  World world(1, with_connections(2));
  Talk one = start(world);
  Talk two = start(world);
  world.change([](Options& options) { options.limits.target_connections_max = 1; });
  world.settle();
  answer(world, one);
  answer(world, two);
  EXPECT_EQ(world.connections().places().taken(), 1U);
}

TEST(PlacesSim, a_request_that_needs_a_connection_of_its_own_takes_the_place_of_an_idle_one) {
  World world(1, with_connections(1));
  Talk talk = start(world);
  answer(world, talk);
  // A target that drops the idle connection with the request: the retry needs a new one.
  ask_again(world, talk);
  talk.target.reset();
  world.settle();
  serve_one(world);
  EXPECT_EQ(seen(talk.client), "200 hello");
}

TEST(PlacesSim, streams_of_http_2_share_the_one_connection) {
  Options options = with_connections(1);
  options.h2_targets = 1;
  World world(1, options);
  std::vector<Peer> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(ask(world));
  EXPECT_EQ(world.connections().places().taken(), 1U);
  EXPECT_EQ(queued(world), 0U);
}

// ---- Several workers.

TEST(PlacesSim, an_idle_connection_is_given_up_when_another_worker_waits) {
  World world(1, with_connections(1, 2));
  Talk talk = start(world);
  answer(world, talk);
  EXPECT_EQ(world.connections().spare(0), 1U);

  world.connections().set_waiting(1, world.kernel().now());
  world.worker().notify();
  world.settle();
  EXPECT_EQ(world.connections().spare(0), 0U);
  talk.target.close();
  world.settle();
  EXPECT_EQ(world.connections().places().taken(), 0U);
  EXPECT_EQ(world.woken().back(), 1U);
  world.connections().set_waiting(1, base::kNever);
}

TEST(PlacesSim, a_worker_with_requests_of_its_own_lets_one_go_first_that_waits_much_longer) {
  World world(1, with_connections(1, 2));
  Talk talk = start(world);
  world.connections().set_waiting(1, world.kernel().now());
  world.advance(base::kSecond);
  Peer own = ask(world, get("own"));
  answer(world, talk);
  talk.target.close();
  world.settle();
  EXPECT_EQ(world.connections().places().taken(), 0U);
  EXPECT_EQ(world.woken().back(), 1U);
  EXPECT_EQ(seen(own), "nothing");

  // The other one is content now, and there is a place.
  world.connections().set_waiting(1, base::kNever);
  world.worker().notify();
  world.settle();
  serve_one(world);
  EXPECT_EQ(seen(own), "200 hello");
}

TEST(PlacesSim, a_connection_is_kept_for_an_own_request_that_waits_about_as_long) {
  World world(1, with_connections(1, 2));
  Talk talk = start(world);
  world.connections().set_waiting(1, world.kernel().now());
  Peer own = ask(world, get("own"));
  answer(world, talk);
  EXPECT_EQ(path_at(talk.target), "GET /own");
  answer(world, talk);
  world.connections().set_waiting(1, base::kNever);
}

TEST(PlacesSim, a_worker_that_waits_asks_those_that_could_give_one_up) {
  World world(1, with_connections(1, 3));
  ASSERT_TRUE(world.connections().places().take(1));
  world.connections().set_spare(2, 1, true);
  Peer client = ask(world);
  ASSERT_FALSE(world.woken().empty());
  EXPECT_EQ(world.woken().back(), 2U);
  EXPECT_NE(world.connections().longest_waiting(1).since, base::kNever);

  world.connections().set_spare(2, 0, true);
  world.connections().places().give_back();
  world.worker().notify();
  world.settle();
  serve_one(world);
  EXPECT_EQ(seen(client), "200 hello");
  EXPECT_EQ(world.connections().longest_waiting(1).since, base::kNever);
}

TEST(PlacesSim,
     who_waits_with_others_for_a_connection_that_is_given_up_with_the_first_gets_another) {
  Options options = with_connections(1);
  options.h2_targets = 1;
  World world(1, options);
  // The worker connects; its target is silent at first.
  Peer broken = world.connect();
  broken.write("POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  Peer other = ask(world);
  world.settle();
  Peer peer = world.target().take();
  ASSERT_TRUE(peer);
  ASSERT_TRUE(world.connections().places().take(9));  // from now on there is one too many
  H2End first(world.kernel(), peer, H2End::Role::Server);
  world.settle();
  EXPECT_EQ(answer_in(broken, "POST").status(), 400);
  world.connections().places().give_back();
  world.worker().notify();
  world.settle();

  Peer next = world.target().take();
  ASSERT_TRUE(next);
  H2End second(world.kernel(), next, H2End::Role::Server);
  world.settle();
  ASSERT_EQ(second.streams().size(), 1U);
  answer(second, *second.streams().front());
  world.settle();
  EXPECT_EQ(seen(other), "200 hello");
}

}  // namespace
}  // namespace sim
