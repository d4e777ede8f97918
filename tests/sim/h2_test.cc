// SPDX-License-Identifier: GPL-3.0-or-later
// Clients that speak HTTP/2, one behaviour each; the targets speak HTTP/1.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <vector>

#include "tests/sim/exchange.h"
#include "tests/sim/talk.h"
#include "tests/sim/tls_end.h"

namespace sim {
namespace {

H2End client_of(World& world, const H2Habits& habits = {}) {
  return H2End(world.kernel(), world.connect("h2"), H2End::Role::Client, habits);
}

// Takes the connections that were made, with the requests that came on them.
std::vector<Peer> targets_of(World& world) {
  world.settle();
  std::vector<Peer> targets;
  while (Peer target = world.target().take()) targets.push_back(target);
  return targets;
}

TEST(H2Sim, several_streams_of_one_connection_are_answered_in_any_order) {
  World world(1);
  H2End client = client_of(world);
  std::vector<H2Stream*> streams;
  for (const char* path : {"/0", "/1", "/2"})
    streams.push_back(&client.request(asking("GET", path)));
  std::vector<Peer> targets = targets_of(world);
  ASSERT_EQ(targets.size(), 3U);

  for (int i = 2; i >= 0; --i) {
    Peer& target = targets[static_cast<std::size_t>(i)];
    const std::string path = target.read().substr(4, 2);
    world.send(target, answer_of(path));
    world.settle();
    EXPECT_EQ(seen(*streams[static_cast<std::size_t>(path[1] - '0')]), "200 " + path);
  }
}

TEST(H2Sim, over_tls_alpn_decides_and_bytes_may_come_one_by_one) {
  World world(1, {.faults = {.single_bytes = true}, .secure_clients = true});
  H2End client = client_of(world);
  H2Stream& stream = post(client, "body");
  MessageReader request(MessageReader::Kind::Request);
  Peer target;
  for (int i = 0; i < 1'000 && !request.complete(); ++i) {
    world.settle();
    if (!target) target = world.target().take();
    if (target) request.add(target.read());
  }
  EXPECT_EQ(request.message().body, "body");

  world.send(target, kHello);
  world.settle();
  EXPECT_EQ(seen(stream), "200 hello");
  EXPECT_EQ(client.peer().tls()->session().protocol(), "h2");
}

TEST(H2Sim, a_client_that_opens_no_windows_makes_no_memory_grow) {
  const std::string body = pattern(1, 1'000'000);
  World world(1);
  H2End client = client_of(world);
  client.hold_windows(base::kNever);
  H2Stream& slow = client.request(asking());
  Peer target = targets_of(world).at(0);
  std::string bytes = answer_of(body);
  for (std::size_t sent = 1; sent > 0; world.settle()) {
    sent = target.write(bytes);
    bytes.erase(0, sent);
  }
  EXPECT_GT(bytes.size(), 400'000U);
  EXPECT_LT(world.worker().blocks().blocks_out(), 12U);

  client.hold_windows(0);
  world.send(target, bytes);
  world.settle();
  EXPECT_TRUE(seen(slow) == "200 " + body) << difference(slow.message.body, body);
}

TEST(H2Sim, a_request_whose_target_does_not_read_closes_its_window_and_no_other) {
  World world(1);
  H2End client = client_of(world);
  H2Stream& stuck = post(client, pattern(1, 2'000'000));
  world.settle();
  Peer target = world.target().take();
  world.settle();
  EXPECT_LT(stuck.sent, 1'000'000U);

  H2Stream& other = client.request(asking());
  Peer second = targets_of(world).at(0);
  world.send(second, kHello);
  world.settle();
  EXPECT_EQ(seen(other), "200 hello");
}

TEST(H2Sim, a_reset_while_the_response_waits_frees_the_target_and_no_other_stream) {
  World world(1);
  H2End client = client_of(world);
  H2Stream& cancelled = client.request(asking());
  Peer target = targets_of(world).at(0);
  H2Stream& stays = client.request(asking());
  Peer second = targets_of(world).at(0);

  client.reset(cancelled, NGHTTP2_CANCEL);
  world.settle();
  EXPECT_TRUE(target.was_reset());
  world.send(second, kHello);
  world.settle();
  EXPECT_EQ(seen(stays), "200 hello");
}

TEST(H2Sim, a_response_that_is_complete_before_its_request_arrives_whole) {
  World world(1);
  H2End client = client_of(world);
  H2Stream& stream = client.request(asking("POST"), H2End::Content::Follows);
  client.write(stream, "half of it");
  Peer target = targets_of(world).at(0);
  world.send(target, kHello);
  world.settle();
  EXPECT_EQ(seen(stream), "200 hello");
  EXPECT_TRUE(stream.closed);
  EXPECT_EQ(stream.error, static_cast<std::uint32_t>(NGHTTP2_NO_ERROR));

  EXPECT_FALSE(client.over());
  H2Stream& next = client.request(asking());
  Peer second = targets_of(world).at(0);
  world.send(second, kHello);
  world.settle();
  EXPECT_EQ(seen(next), "200 hello");
}

TEST(H2Sim, a_response_cut_at_every_byte_never_looks_complete) {
  const std::string length = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789";
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n0\r\n\r\n";
  for (const std::string& bytes : {length, chunked}) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      World world(at + 1);
      H2End client = client_of(world);
      H2Stream& stream = client.request(asking());
      Peer target = targets_of(world).at(0);
      world.send(target, std::string_view(bytes).substr(0, at));
      world.settle();
      at % 2 == 0 ? target.close() : target.reset();
      world.settle();
      EXPECT_FALSE(seen(stream).starts_with("200")) << at << " bytes of " << bytes;
      EXPECT_TRUE(stream.closed) << at << " bytes of " << bytes;
    }
  }
}

// ---- Tunnels.

TEST(H2Sim, a_tunnel_passes_each_half_close_after_the_last_bytes) {
  World world(1);
  H2End client = client_of(world);
  H2Stream& stream = client.request(asking_for_tunnel(), H2End::Content::Follows);
  client.write(stream, "early");
  Peer target = targets_of(world).at(0);
  MessageReader request(MessageReader::Kind::Request);
  request.add(target.read());
  ASSERT_EQ(request.message().field("upgrade"), "sim");
  EXPECT_EQ(request.take_rest(), "");
  Exchange granted{.upgrades = true, .status = 101};
  world.send(target, granted.response_bytes(request.message(), world.kernel().random()) + "down");
  client.write(stream, " and late");
  client.finish(stream);
  world.settle();
  EXPECT_EQ(target.read(), "early and late");
  EXPECT_TRUE(target.at_end());
  EXPECT_EQ(seen(stream), "open");

  world.send(target, " to the end");
  target.close();
  world.settle();
  EXPECT_EQ(seen(stream), "200 down to the end");
  EXPECT_TRUE(stream.closed);
}

// ---- The end.

TEST(H2Sim, a_drain_in_two_steps_serves_what_came_before_the_second) {
  World world(1);
  H2End client = client_of(world);
  H2Stream& before = client.request(asking());
  Peer target = targets_of(world).at(0);
  world.worker().stop(100 * base::kSecond);
  H2Stream& between = client.request(asking());
  Peer second = targets_of(world).at(0);
  EXPECT_TRUE(client.told_to_go());

  world.advance(base::kSecond);
  world.send(target, kHello);
  world.send(second, kHello);
  world.settle();
  EXPECT_EQ(seen(before), "200 hello");
  EXPECT_EQ(seen(between), "200 hello");
  EXPECT_EQ(client.error(), static_cast<std::uint32_t>(NGHTTP2_NO_ERROR));
  EXPECT_TRUE(client.over());
}

TEST(H2Sim, a_head_that_does_not_come_costs_the_exchanges_before_it_nothing) {
  World world(1);
  H2End client = client_of(world);
  H2Stream& stream = client.request(asking());
  Peer target = targets_of(world).at(0);
  world.send(client.peer(), std::string_view("\x00\x00\x10\x01\x05\x00\x00\x00\x03half", 13));

  world.advance(50 * base::kSecond);
  world.send(target, kHello);
  world.settle();
  EXPECT_EQ(seen(stream), "200 hello");
  EXPECT_TRUE(client.told_to_go());
  EXPECT_TRUE(client.over());
}

TEST(H2Sim, a_client_that_goes_away_ends_every_exchange) {
  for (const Break how : {Break::Fin, Break::Reset}) {
    World world(1);
    H2End client = client_of(world);
    for (int i = 0; i < 20; ++i) static_cast<void>(client.request(asking()));
    std::vector<Peer> targets = targets_of(world);
    ASSERT_EQ(targets.size(), 20U);

    client.break_off(how);
    world.settle();
    for (Peer& target : targets) EXPECT_TRUE(target.was_reset());
    EXPECT_EQ(world.kernel().open_sockets(), 0U);
  }
}

TEST(H2Sim, a_damaged_record_ends_its_connection_alone) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    World world(seed, {.secure_clients = true});
    H2End damaged = client_of(world);
    H2End whole = client_of(world);
    static_cast<void>(damaged.request(asking()));
    Peer lost = targets_of(world).at(0);
    H2Stream& stays = whole.request(asking());
    Peer target = targets_of(world).at(0);

    damaged.break_off(Break::Garbled);
    world.settle();
    damaged.peer().cut();  // a length that grew makes the worker wait for the rest
    world.settle();
    EXPECT_TRUE(lost.was_reset()) << seed;
    world.send(target, kHello);
    world.settle();
    EXPECT_EQ(seen(stays), "200 hello") << seed;
    EXPECT_EQ(world.kernel().open_client_sockets(), 1U) << seed;
  }
}

}  // namespace
}  // namespace sim
