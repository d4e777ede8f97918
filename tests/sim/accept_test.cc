// SPDX-License-Identifier: GPL-3.0-or-later
// Accepting when there is no room, and going on when there is again.
#include <gtest/gtest.h>

#include <vector>

#include "tests/sim/talk.h"

namespace sim {
namespace {

TEST(AcceptSim, accept_pauses_without_descriptors_and_resumes) {
  World world(1, {.faults = {.descriptors_max = 2}});
  Peer first = world.connect();
  Peer second = world.connect();
  Peer third = world.connect();
  world.settle();
  EXPECT_EQ(world.kernel().open_client_sockets(), 2U);
  EXPECT_EQ(world.worker().counters().accept_pauses, 1U);

  first.close();
  second.close();
  world.advance(base::kSecond);
  EXPECT_EQ(world.kernel().open_client_sockets(), 1U);
  third.write(kGet);
  world.settle();
  EXPECT_TRUE(world.target().take());
}

TEST(AcceptSim, accept_pauses_at_the_limit_of_connections_and_resumes) {
  Options options;
  options.limits.connections_max = 2;
  World world(1, options);
  std::vector<Peer> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(world.connect());
  world.settle();
  EXPECT_GE(world.kernel().open_client_sockets(), 2U);
  EXPECT_EQ(world.worker().counters().accept_pauses, 1U);

  for (Peer& client : clients) client.close();
  world.advance(base::kSecond);
  EXPECT_EQ(world.kernel().open_client_sockets(), 0U);
  EXPECT_EQ(world.worker().counters().connections, 5U);
}

TEST(AcceptSim, a_multishot_that_ends_by_itself_is_started_again) {
  World world(1, {.faults = {.accept_ends = 1000}});
  std::vector<Peer> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(world.connect());
    world.settle();
  }
  EXPECT_EQ(world.kernel().open_client_sockets(), 5U);
}

TEST(AcceptSim, out_of_descriptors_for_a_target_is_an_answer_and_not_a_hang) {
  World world(1, {.faults = {.descriptors_max = 1}});
  Peer client = world.connect();
  client.write(kGet);
  world.settle();
  EXPECT_EQ(seen(client).substr(0, 3), "503");
}

TEST(AcceptSim, without_descriptors_for_a_pipe_large_bodies_are_copied) {
  World world(1, {.faults = {.descriptors_max = 2}});
  Talk talk = start(world);
  const std::string body(200'000, 'x');
  std::string bytes = answer_of(body);
  MessageReader reader(MessageReader::Kind::Response);
  while (!bytes.empty()) {
    bytes.erase(0, talk.target.write(bytes));
    world.settle();
    reader.add(talk.client.read());
  }
  EXPECT_EQ(reader.message().body, body);
  EXPECT_EQ(world.worker().counters().bytes_spliced, 0U);
}

TEST(AcceptSim, who_waited_before_the_stop_is_still_served) {
  for (const unsigned accept_ends : {0U, 1000U}) {
    World world(1, {.faults = {.accept_ends = accept_ends}});
    std::vector<Peer> clients;
    for (int i = 0; i < 3; ++i) {
      clients.push_back(world.connect());
      clients.back().write(kGet);
    }
    world.worker().stop(10 * base::kSecond);
    world.settle();
    for (Peer& client : clients) EXPECT_FALSE(client.was_reset()) << accept_ends;
    EXPECT_EQ(world.kernel().open_client_sockets(), 3U) << accept_ends;
  }
}

TEST(AcceptSim, a_stopped_worker_refuses_newcomers) {
  World world(1);
  Talk talk = start(world);
  world.worker().stop(10 * base::kSecond);
  world.settle();
  Peer late = world.connect();
  world.settle();
  EXPECT_TRUE(late.was_reset());
  EXPECT_EQ(world.kernel().open_client_sockets(), 1U);
}

}  // namespace
}  // namespace sim
