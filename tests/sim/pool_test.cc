// SPDX-License-Identifier: GPL-3.0-or-later
// Connections to targets between requests: when they are used again, when a request may be sent again.
#include <gtest/gtest.h>

#include "tests/sim/talk.h"

namespace sim {
namespace {

// A client and a target that have one exchange behind them.
Talk warm(World& world) {
  Talk talk = start(world);
  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
  return talk;
}

TEST(PoolSim, a_pooled_connection_closed_by_the_target_is_never_leased) {
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    World world(seed);
    Talk talk = warm(world);
    // Both arrive in the same tick, in any order.
    talk.target.close();
    talk.client.write(post_of("x"));
    world.settle();

    Peer fresh = world.target().take();
    const std::string request = fresh ? fresh.read() : "";
    EXPECT_TRUE(request.starts_with("POST ")) << seed;
  }
}

TEST(PoolSim, a_connection_that_ended_while_it_waited_is_not_used) {
  World world(1);
  Talk talk = warm(world);
  talk.target.close();
  world.settle();
  EXPECT_EQ(world.kernel().open_sockets(), 1U);

  world.send(talk.client, post_of("x"));
  world.settle();
  EXPECT_TRUE(world.target().take().read().starts_with("POST "));
}

TEST(PoolSim, a_get_that_met_a_stale_connection_is_sent_again) {
  World world(1);
  Talk talk = warm(world);
  ask_again(world, talk);
  talk.target.reset();
  world.settle();

  talk.target = world.target().take();
  ASSERT_TRUE(talk.target);
  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
  EXPECT_EQ(world.worker().counters().retries, 1U);
}

TEST(PoolSim, a_post_that_met_a_stale_connection_is_not_sent_again) {
  World world(1);
  Talk talk = warm(world);
  ask_again(world, talk, post_of("x"));
  talk.target.reset();
  world.settle();

  EXPECT_EQ(world.target().waiting(), 0U);
  EXPECT_TRUE(seen(talk.client).starts_with("502"));
}

TEST(PoolSim, a_get_that_failed_on_a_fresh_connection_is_not_sent_again) {
  World world(1);
  Talk talk = start(world);
  talk.target.reset();
  world.settle();
  EXPECT_EQ(world.target().waiting(), 0U);
  EXPECT_TRUE(seen(talk.client).starts_with("502"));
}

TEST(PoolSim, bytes_that_nobody_asked_for_never_reach_the_next_request) {
  World world(1);
  Talk talk = start(world);
  answer(world, talk, std::string(kHello) + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  EXPECT_EQ(seen(talk.client), "200 hello");
  EXPECT_TRUE(talk.target.is_over());

  world.send(talk.client, kGet);
  world.settle();
  EXPECT_EQ(seen(talk.client), "nothing");
  EXPECT_EQ(world.target().waiting(), 1U);
}

TEST(PoolSim, bytes_that_come_while_a_connection_waits_end_it) {
  World world(1);
  Talk talk = warm(world);
  talk.target.write(kHello);
  world.settle();
  EXPECT_TRUE(talk.target.is_over());
}

TEST(PoolSim, an_idle_connection_is_closed_when_its_time_is_over) {
  World world(1);
  Talk talk = warm(world);
  world.advance(59 * base::kSecond);
  EXPECT_FALSE(talk.target.is_over());
  world.advance(2 * base::kSecond);
  EXPECT_TRUE(talk.target.at_end());
}

TEST(PoolSim, the_idle_time_does_not_run_during_a_request) {
  World world(1);
  Talk talk = warm(world);
  world.advance(30 * base::kSecond);
  ask_again(world, talk);
  world.advance(45 * base::kSecond);
  EXPECT_FALSE(talk.target.is_over());
  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
}

TEST(PoolSim, a_reload_keeps_warm_connections_to_targets_that_stay) {
  World world(1);
  Talk talk = warm(world);
  world.reload(World::Reload::NewService);
  world.settle();
  ask_again(world, talk);
  EXPECT_TRUE(talk.request.starts_with("GET /a"));
}

TEST(PoolSim, a_reload_closes_idle_connections_to_targets_that_go) {
  World world(1);
  Talk idle = warm(world);
  Talk busy = start(world);
  Talk other = start(world);
  world.reload(World::Reload::NewTargets);
  world.settle();
  if (other.target) answer(world, other);
  EXPECT_EQ(seen(other.client), "200 hello");
  EXPECT_TRUE(other.target.is_over());
}

}  // namespace
}  // namespace sim
