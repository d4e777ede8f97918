// SPDX-License-Identifier: GPL-3.0-or-later
// What happens when somebody takes too long, on a clock that the test moves.
#include <gtest/gtest.h>

#include "tests/sim/talk.h"

namespace sim {
namespace {

TEST(DeadlineSim, a_head_that_does_not_come_in_time_is_answered_with_408) {
  World world(1);
  Peer client = world.connect();
  client.write("GET /a HTT");
  world.advance(11 * base::kSecond);
  EXPECT_EQ(seen(client).substr(0, 3), "408");
}

TEST(DeadlineSim, a_client_that_never_says_anything_is_closed_without_an_answer) {
  World world(1);
  Peer client = world.connect();
  world.advance(11 * base::kSecond);
  EXPECT_EQ(client.readable(), 0U);
  EXPECT_TRUE(client.at_end());
}

TEST(DeadlineSim, a_target_that_never_answers_is_given_up_with_504) {
  World world(1);
  Talk talk = start(world);
  world.advance(59 * base::kSecond);
  EXPECT_EQ(seen(talk.client), "nothing");
  world.advance(2 * base::kSecond);
  EXPECT_TRUE(seen(talk.client).starts_with("504"));
  EXPECT_TRUE(talk.target.is_over());
}

TEST(DeadlineSim, a_response_that_stalls_is_cut) {
  World world(1);
  Talk talk = start(world);
  answer(world, talk, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome");
  world.advance(299 * base::kSecond);
  EXPECT_EQ(seen(talk.client), "open");
  world.advance(2 * base::kSecond);
  EXPECT_TRUE(talk.client.is_over());
  EXPECT_TRUE(talk.target.is_over());
}

TEST(DeadlineSim, bytes_that_move_keep_a_slow_response_alive) {
  World world(1);
  Talk talk = start(world);
  answer(world, talk, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  for (const char c : std::string_view("hello")) {
    world.advance(200 * base::kSecond);
    answer(world, talk, {&c, 1});
  }
  EXPECT_EQ(seen(talk.client), "200 hello");
}

TEST(DeadlineSim, a_request_body_that_stalls_is_answered_with_408) {
  World world(1);
  Talk talk = start(world, post_of("0123456789").substr(0, 58));
  world.advance(31 * base::kSecond);
  EXPECT_TRUE(seen(talk.client).starts_with("408"));
  EXPECT_TRUE(talk.target.is_over());
}

TEST(DeadlineSim, the_total_time_ends_a_response_that_still_moves) {
  World world(
      1, {.edit = [](route::Service& service) { service.timeouts.total = 5 * base::kSecond; }});
  Talk talk = start(world);
  answer(world, talk, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
  for (int i = 0; i < 10; ++i) {
    if (!talk.target.is_over()) answer(world, talk, "x");
    world.advance(base::kSecond);
  }
  EXPECT_EQ(seen(talk.client), "broken");
  EXPECT_TRUE(talk.client.is_over());
}

TEST(DeadlineSim, a_target_that_does_not_accept_in_time_is_given_up) {
  World world(1, {.faults = {.connect_fails = 2000}});  // every connect() is silent
  Peer client = world.connect();
  client.write(kGet);
  world.settle();
  EXPECT_EQ(seen(client), "nothing");
  world.advance(3 * base::kSecond);
  EXPECT_TRUE(seen(client).starts_with("504"));
}

TEST(DeadlineSim, an_idle_client_is_closed_after_its_keepalive_time) {
  World world(1);
  Talk talk = start(world);
  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
  world.advance(74 * base::kSecond);
  EXPECT_FALSE(talk.client.is_over());
  world.advance(2 * base::kSecond);
  EXPECT_TRUE(talk.client.at_end());
}

}  // namespace
}  // namespace sim
