// SPDX-License-Identifier: GPL-3.0-or-later
// Slow peers and scarce buffers: memory stays bounded, nothing gets lost, nothing spins.
#include <gtest/gtest.h>

#include "tests/sim/exchange.h"
#include "tests/sim/talk.h"

namespace sim {
namespace {

// Writes for as long as somebody takes it. Returns how much left the peer and did not arrive at the other one's wire.
std::size_t held_by_worker(World& world, Peer& from, Peer& to, std::string_view bytes) {
  std::size_t written = 0;
  for (int quiet = 0; quiet < 5 && written < bytes.size();) {
    const std::size_t count = from.write(bytes.substr(written));
    written += count;
    quiet = count == 0 ? quiet + 1 : 0;
    world.settle();
  }
  return written - from.socket().inbound.size() - to.readable();
}

TEST(PressureSim, a_slow_client_never_makes_memory_grow) {
  World world(1);
  Talk talk = start(world);
  const std::string body = pattern(1, 20'000'000);
  const std::size_t held = held_by_worker(world, talk.target, talk.client, answer_of(body));
  EXPECT_LT(held, 400'000U);
  EXPECT_LT(world.worker().blocks().blocks_out(), 8U);
}

TEST(PressureSim, a_slow_client_never_makes_memory_grow_with_small_chunks) {
  World world(1);
  Talk talk = start(world);
  std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 200'000; ++i) bytes += "a\r\n0123456789\r\n";
  const std::size_t held = held_by_worker(world, talk.target, talk.client, bytes);
  EXPECT_LT(held, 400'000U);
}

TEST(PressureSim, a_slow_target_never_makes_memory_grow) {
  World world(1);
  const std::string body = pattern(1, 20'000'000);
  Talk talk = start(world, post_of(body).substr(0, 1000));
  const std::size_t held =
      held_by_worker(world, talk.client, talk.target, std::string_view(body).substr(1000));
  EXPECT_LT(held, 400'000U);
}

TEST(PressureSim, pipelined_requests_wait_in_the_clients_socket) {
  World world(1);
  std::string requests;
  for (int i = 0; i < 20'000; ++i) requests += kGet;
  Talk talk = start(world);
  const std::size_t held = held_by_worker(world, talk.client, talk.target, requests);
  EXPECT_LT(held, 20'000U);
}

TEST(PressureSim, enobufs_is_backpressure_not_an_error) {
  Options options;
  options.ring.buffer_count = 1;
  World world(1, options);
  std::vector<Peer> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(world.connect());
  world.settle();
  for (Peer& client : clients) client.write(kGet);
  world.settle();

  for (int i = 0; i < 20; ++i) world.target().take().write(kHello);
  world.settle();
  for (Peer& client : clients) EXPECT_EQ(seen(client), "200 hello");
  EXPECT_GT(world.worker().ring().stats().buffers_exhausted, 0U);
}

TEST(PressureSim, a_worker_with_nothing_to_do_sleeps) {
  World world(1);
  Talk talk = start(world);
  answer(world, talk);
  const std::uint64_t enters = world.worker().ring().stats().enters;
  for (int i = 0; i < 10; ++i) world.settle();
  EXPECT_LE(world.worker().ring().stats().enters - enters, 10U);
}

}  // namespace
}  // namespace sim
