// SPDX-License-Identifier: GPL-3.0-or-later
// Requests that come while no target is up, of sites that let them wait for one.
#include <gtest/gtest.h>

#include "tests/sim/talk.h"

namespace sim {
namespace {

std::function<void(route::Service&)> holding(base::Time hold) {
  return [hold](route::Service& service) { service.retry_hold = hold; };
}

void set_up(World& world, bool up) {
  for (std::size_t i = 0; i < 2; ++i) world.health(i).set_up(up);
}

TEST(HoldSim, a_request_waits_until_a_target_is_up) {
  World world(1, {.targets = 2, .edit = holding(10 * base::kSecond)});
  set_up(world, false);
  Peer client = ask(world);
  EXPECT_EQ(seen(client), "nothing");
  world.worker().notify();
  world.settle();
  EXPECT_EQ(world.worker().counters().parked, 1U);

  world.advance(9 * base::kSecond);
  world.health(1).set_up(true);
  world.worker().notify();
  world.settle();
  serve_one(world, 1);
  EXPECT_EQ(seen(client), "200 hello");
}

TEST(HoldSim, a_request_waits_for_a_target_as_long_as_its_site_says) {
  World world(1, {.targets = 2, .edit = holding(10 * base::kSecond)});
  set_up(world, false);
  Peer client = ask(world);
  for (int i = 0; i < 3; ++i) {
    world.advance(3 * base::kSecond);
    world.worker().notify();
    world.settle();
    EXPECT_EQ(seen(client), "nothing");
  }
  world.advance(2 * base::kSecond);
  const Message message = answer_in(client);
  EXPECT_EQ(message.status(), 503);
  EXPECT_EQ(message.field("retry-after"), "1");
  EXPECT_NE(message.field("proxy-status").find("no_healthy_target"), std::string::npos);
}

TEST(HoldSim, a_request_waits_until_its_site_has_a_target_at_all) {
  World world(1, {.edit = [](route::Service& service) {
                service.retry_hold = 10 * base::kSecond;
                service.targets.clear();
              }});
  Peer client = ask(world);
  EXPECT_EQ(world.worker().counters().parked, 1U);
  world.change([](Options& options) { options.edit = nullptr; });
  world.settle();
  serve_one(world);
  EXPECT_EQ(seen(client), "200 hello");
}

TEST(HoldSim, without_a_hold_the_answer_comes_at_once) {
  World world(1, {.targets = 2});
  set_up(world, false);
  Peer client = ask(world);
  EXPECT_TRUE(seen(client).starts_with("503"));
}

TEST(HoldSim, a_request_that_waits_for_a_target_gives_its_place_in_flight_to_another) {
  World world(1, {.targets = 2, .edit = [](route::Service& service) {
                    service.retry_hold = 10 * base::kSecond;
                    service.inflight_max = 1;
                  }});
  set_up(world, false);
  Peer first = ask(world);
  Peer second = ask(world);
  EXPECT_EQ(seen(second), "nothing");
  EXPECT_EQ(world.worker().counters().parked, 2U);
}

TEST(HoldSim, a_request_whose_only_target_that_is_up_fails_waits_for_the_other) {
  World world(1, {.targets = 2, .edit = holding(10 * base::kSecond)});
  world.health(1).set_up(false);
  world.kernel().serve(kTargetPort, nullptr);  // refuses
  Peer client = ask(world);
  EXPECT_EQ(world.worker().counters().parked, 1U);

  world.health(0).set_up(false);
  world.health(1).set_up(true);
  world.worker().notify();
  world.settle();
  serve_one(world, 1);
  EXPECT_EQ(seen(client), "200 hello");
}

TEST(HoldSim, a_503_that_may_be_tried_elsewhere_is_given_up_while_the_request_waits) {
  for (const unsigned h2_targets : {0U, 3U}) {
    World world(1, {.targets = 2,
                    .edit =
                        [](route::Service& service) {
                          service.retry_hold = 10 * base::kSecond;
                          service.retry_on = route::kRetry503;
                        },
                    .h2_targets = h2_targets});
    world.health(1).set_up(false);
    Peer client = ask(world);
    Peer refuses = world.target(0).take();
    ASSERT_TRUE(refuses);
    if (h2_targets == 0) {
      world.send(refuses, "HTTP/1.1 503 No\r\nContent-Length: 5\r\n\r\nlater");
    } else {
      H2End target(world.kernel(), refuses, H2End::Role::Server);
      world.settle();
      ASSERT_EQ(target.streams().size(), 1U);
      target.respond(*target.streams().front(), {{":status", "503"}});
      world.settle();
    }
    world.settle();
    EXPECT_EQ(world.worker().counters().parked, 1U);
    world.advance(11 * base::kSecond);
    EXPECT_TRUE(seen(client).starts_with("503"));
  }
}

}  // namespace
}  // namespace sim
