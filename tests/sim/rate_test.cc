// SPDX-License-Identifier: GPL-3.0-or-later
// A site that takes so many requests in a time. The other workers are played by the test.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/sim/talk.h"

namespace sim {
namespace {

// Of all requests: `burst` at once, and one in ten seconds.
class RateSim : public testing::Test {
 protected:
  std::shared_ptr<route::RateLimit> limit(std::uint32_t burst) {
    return std::make_shared<route::RateLimit>(
        route::Rate{.interval = 10 * base::kSecond, .burst = burst});
  }

  static std::function<void(route::Service&)> rated(
      std::shared_ptr<route::RateLimit> limit,
      const std::function<void(route::Service&)>& more = [](route::Service&) {}) {
    return [limit, more](route::Service& service) {
      service.rate = limit->rate();
      service.rate_by = route::RateBy::All;
      service.rate_limit = limit;
      more(service);
    };
  }

  // How many another worker could let pass now.
  static int left(World& world, route::RateLimit& limit) {
    int count = 0;
    while (limit.take(route::rate_key_of_text({}), world.kernel().now()) == 0) ++count;
    return count;
  }
};

TEST_F(RateSim, a_burst_passes_and_who_comes_next_hears_when_to_come_again) {
  World world(1, {.edit = rated(limit(2))});
  Talk talk = start(world);
  answer(world, talk);
  ask_again(world, talk);
  answer(world, talk);
  EXPECT_EQ(talk.client.read().substr(0, 12), "HTTP/1.1 200");

  Peer other = ask(world);
  const Message refusal = answer_in(other);
  EXPECT_EQ(refusal.status(), 429);
  EXPECT_EQ(refusal.field("retry-after"), "10");
  EXPECT_NE(refusal.field("proxy-status").find("error=rate_limited"), std::string::npos);
  EXPECT_FALSE(refusal.says_close());

  world.advance(9'500 * base::kMillisecond);
  world.send(other, kGet);
  world.settle();
  EXPECT_EQ(answer_in(other).field("retry-after"), "1");

  world.advance(base::kSecond);
  world.send(other, kGet);
  world.settle();
  world.send(talk.target, kHello);
  world.settle();
  EXPECT_EQ(seen(other), "200 hello");
}

TEST_F(RateSim, what_other_workers_let_pass_counts) {
  const auto shared = limit(3);
  World world(1, {.workers = 2, .edit = rated(shared)});
  ASSERT_EQ(shared->take(route::rate_key_of_text({}), world.kernel().now()), 0);
  ASSERT_EQ(shared->take(route::rate_key_of_text({}), world.kernel().now()), 0);
  Talk talk = start(world);
  Peer refused = ask(world);
  EXPECT_TRUE(seen(refused).starts_with("429"));
  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
}

TEST_F(RateSim, a_request_that_waits_for_a_target_is_counted_once) {
  const auto shared = limit(5);
  World world(
      1, {.edit = rated(shared, [](route::Service& s) { s.retry_hold = 10 * base::kSecond; })});
  world.health().set_up(false);
  Peer client = ask(world);
  for (int i = 0; i < 3; ++i) {
    world.worker().notify();
    world.settle();
  }
  world.health().set_up(true);
  world.worker().notify();
  world.settle();
  serve_one(world);
  EXPECT_EQ(seen(client), "200 hello");
  EXPECT_EQ(left(world, *shared), 4);
}

TEST_F(RateSim, a_request_that_waits_for_a_connection_is_counted_once) {
  const auto shared = limit(5);
  World world(1, {.limits = {.target_connections_max = 1}, .edit = rated(shared)});
  Talk talk = start(world);
  Peer waits = ask(world);
  world.reload(World::Reload::NewService);
  world.settle();
  answer(world, talk);
  answer(world, talk);
  EXPECT_EQ(seen(waits), "200 hello");
  EXPECT_EQ(left(world, *shared), 3);
}

TEST_F(RateSim, a_request_that_was_paused_is_counted_when_it_goes_on) {
  const auto shared = limit(2);
  const auto pause = [](route::Service& service) {
    service.gate.state = route::Gate::State::Paused;
    service.gate.max_pause = 30 * base::kSecond;
  };
  World world(1, {.edit = rated(shared, pause)});
  Peer client = ask(world);
  EXPECT_EQ(seen(client), "nothing");
  world.change([&](Options& options) { options.edit = rated(shared); });
  world.settle();
  serve_one(world);
  EXPECT_EQ(seen(client), "200 hello");
  EXPECT_EQ(left(world, *shared), 1);
}

TEST_F(RateSim, a_request_that_is_tried_again_or_was_buffered_is_counted_once) {
  const auto shared = limit(5);
  World world(1, {.targets = 2, .edit = rated(shared, [](route::Service& service) {
                                  service.buffering.requests = true;
                                  service.retry_on = route::kRetry503;
                                  service.balance = route::Balance::First;
                                })});
  Peer client = ask(world, "PUT /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello");
  Peer busy = world.target(0).take();
  world.send(busy, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  world.settle();
  serve_one(world, 1);
  EXPECT_EQ(seen(client, "PUT"), "200 hello");
  EXPECT_EQ(left(world, *shared), 4);
}

TEST_F(RateSim, a_websocket_is_one_request) {
  const auto shared = limit(1);
  World world(1, {.edit = rated(shared)});
  const std::string upgrade =
      "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  Talk talk = start(world, upgrade);
  answer(world, talk,
         "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_NE(talk.client.read().find("101"), std::string::npos);
  for (int i = 0; i < 3; ++i) {
    talk.client.write("more");
    world.settle();
    EXPECT_EQ(talk.target.read(), "more");
  }
  Peer next = ask(world, upgrade);
  EXPECT_TRUE(seen(next).starts_with("429"));
}

TEST_F(RateSim, what_needs_no_target_is_not_counted) {
  const auto shared = limit(1);
  const auto stop = [](route::Service& service) {
    service.gate.state = route::Gate::State::Paused;
    service.gate.max_pause = 30 * base::kSecond;
    service.health_path = "/up";
  };
  World world(1, {.edit = rated(shared, stop)});
  for (int i = 0; i < 3; ++i) {
    Peer client = ask(world, "GET /up HTTP/1.1\r\nHost: a.test\r\n\r\n");
    EXPECT_TRUE(seen(client).starts_with("200"));
  }
  EXPECT_EQ(left(world, *shared), 1);
}

TEST_F(RateSim, a_body_that_was_not_read_ends_the_connection_of_a_refused_request) {
  const auto shared = limit(1);
  World world(1, {.edit = rated(shared)});
  ASSERT_EQ(left(world, *shared), 1);
  Peer client = ask(world, "POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n");
  const Message refusal = answer_in(client, "POST");
  EXPECT_EQ(refusal.status(), 429);
  EXPECT_TRUE(refusal.says_close());
}

TEST_F(RateSim, a_refused_request_takes_no_place_and_is_an_error_of_its_site) {
  const auto shared = limit(1);
  World world(1, {.edit = rated(shared, [](route::Service& s) { s.inflight_max = 1; })});
  ASSERT_EQ(left(world, *shared), 1);
  Peer client = ask(world);
  EXPECT_TRUE(seen(client).starts_with("429"));
  const route::Service& service = *world.worker().snapshot().services[0];
  EXPECT_EQ(service.inflight->taken(), 0U);
  const auto cause = static_cast<std::size_t>(base::Cause::RateLimited);
  EXPECT_EQ(service.metrics->of(0).errors[cause], 1U);
}

}  // namespace
}  // namespace sim
