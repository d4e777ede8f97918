// SPDX-License-Identifier: GPL-3.0-or-later
// Targets that speak HTTP/2, one behaviour each.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <memory>
#include <vector>

#include "tests/sim/exchange.h"
#include "tests/sim/talk.h"
#include "tests/sim/tls_end.h"

namespace sim {
namespace {

using Role = H2End::Role;

const Options kH2c{.h2_targets = 1};

// The next connection that the worker made, as a server.
std::unique_ptr<H2End> target_of(World& world, const H2Habits& habits = {}) {
  world.settle();
  Peer peer = world.target().take();
  if (!peer) return nullptr;
  auto end = std::make_unique<H2End>(world.kernel(), peer, Role::Server, habits);
  world.settle();
  return end;
}

TEST(H2TargetSim, streams_that_wait_for_one_connection_share_it) {
  World world(1, kH2c);
  std::vector<Peer> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(world.connect());
    clients.back().write(kGet);
  }
  auto target = target_of(world);
  ASSERT_EQ(target->streams().size(), 5U);
  EXPECT_EQ(world.target().waiting(), 0U);

  for (const auto& stream : target->streams()) answer(*target, *stream);
  world.settle();
  for (Peer& client : clients) EXPECT_EQ(seen(client), "200 hello");
  EXPECT_EQ(world.worker().counters().upstream_connects, 1U);
}

TEST(H2TargetSim, streams_past_the_limit_of_a_target_get_another_connection) {
  World world(1, kH2c);
  std::vector<Peer> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(world.connect());
    clients.back().write(kGet);
  }
  world.kernel().set_faults({.single_bytes = true});  // its SETTINGS come in pieces
  std::vector<std::unique_ptr<H2End>> targets;
  while (auto target = target_of(world, {.streams_max = 1})) targets.push_back(std::move(target));
  ASSERT_EQ(targets.size(), 3U);
  for (const auto& target : targets) {
    EXPECT_EQ(target->fault(), "");
    ASSERT_EQ(target->streams().size(), 1U);
    answer(*target, *target->streams()[0]);
  }
  world.settle();
  for (Peer& client : clients) EXPECT_EQ(seen(client), "200 hello");
}

TEST(H2TargetSim, over_tls_alpn_decides) {
  World world(1, {.secure_targets = true, .h2_targets = 1});
  Peer client = world.connect();
  client.write(kGet);
  auto target = target_of(world);
  ASSERT_EQ(target->streams().size(), 1U);
  EXPECT_EQ(target->peer().tls()->session().protocol(), "h2");
  answer(*target, *target->streams()[0]);
  world.settle();
  EXPECT_EQ(seen(client), "200 hello");
}

TEST(H2TargetSim, windows_that_are_exhausted_on_both_sides_open_again) {
  const std::string body = pattern(1, 600'000);
  World world(1, kH2c);
  H2End client(world.kernel(), world.connect(), Role::Client);
  client.hold_windows(base::kNever);
  H2Stream& stream = post(client, body);
  world.settle();
  H2End target(world.kernel(), world.target().take(), Role::Server);
  target.hold_windows(base::kNever);
  world.settle();
  H2Stream& asked = *target.streams().at(0);
  answer(target, asked, body);
  world.settle();
  EXPECT_LT(asked.sent, body.size());
  EXPECT_LT(stream.sent, body.size());
  EXPECT_LT(world.worker().blocks().blocks_out(), 60U);

  target.hold_windows(0);
  world.settle();
  EXPECT_TRUE(asked.message.body == body) << difference(asked.message.body, body);
  EXPECT_EQ(seen(stream), "open");
  client.hold_windows(0);
  world.settle();
  EXPECT_TRUE(seen(stream) == "200 " + body) << difference(stream.message.body, body);
}

TEST(H2TargetSim, a_reset_passes_through_while_the_response_waits) {
  World world(1, kH2c);
  H2End client(world.kernel(), world.connect(), Role::Client);
  H2Stream& cancelled = client.request(asking());
  H2Stream& stays = client.request(asking("GET", "/b"));
  auto target = target_of(world);
  client.reset(cancelled, NGHTTP2_CANCEL);
  world.settle();
  EXPECT_TRUE(target->streams().at(0)->closed);
  EXPECT_EQ(target->streams().at(0)->error, static_cast<std::uint32_t>(NGHTTP2_CANCEL));

  answer(*target, *target->streams().at(1));
  world.settle();
  EXPECT_EQ(seen(stays), "200 hello");
}

TEST(H2TargetSim, a_response_that_is_complete_before_its_request_arrives_whole) {
  World world(1, kH2c);
  H2End client(world.kernel(), world.connect(), Role::Client);
  H2Stream& stream = client.request(asking("POST"), H2End::Content::Follows);
  client.write(stream, "half of it");
  auto target = target_of(world);
  answer(*target, *target->streams().at(0));
  world.settle();
  EXPECT_EQ(seen(stream), "200 hello");
  EXPECT_FALSE(target->streams().at(0)->complete);
  EXPECT_TRUE(target->streams().at(0)->closed);
}

// ---- GOAWAY and the end of connections.

TEST(H2TargetSim, what_a_target_did_not_process_is_asked_again_once) {
  World world(1, kH2c);
  Peer first = world.connect();
  first.write(kGet);
  auto target = target_of(world);
  Peer second = world.connect();
  second.write("POST /b HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody");
  Peer third = world.connect();
  third.write(kGet);
  world.settle();
  ASSERT_EQ(target->streams().size(), 3U);

  target->go_away(1);
  auto next = target_of(world);
  ASSERT_TRUE(next);
  ASSERT_EQ(next->streams().size(), 1U);
  EXPECT_TRUE(seen(second).starts_with("502"));  // its body is gone
  answer(*target, *target->streams()[0], "kept");
  world.settle();
  EXPECT_EQ(seen(first), "200 kept");
  next->go_away(0);
  world.settle();
  EXPECT_TRUE(seen(third).starts_with("502"));
  EXPECT_EQ(world.target().waiting(), 0U);
}

TEST(H2TargetSim, a_connection_that_dies_ends_all_of_its_streams_and_no_other) {
  World world(1, kH2c);
  H2End client(world.kernel(), world.connect(), Role::Client);
  std::vector<H2Stream*> streams;
  for (int i = 0; i < 20; ++i) streams.push_back(&post(client, "body"));
  auto target = target_of(world);
  ASSERT_EQ(target->streams().size(), 20U);
  for (std::size_t i = 0; i < 10; ++i) {
    H2Stream& begun = *target->streams()[i];
    target->respond(begun, granting(), H2End::Content::Follows);
    target->write(begun, "half");
  }
  world.settle();

  target->break_off(Break::Reset);
  world.settle();
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(seen(*streams[i]).substr(0, 5), i < 10 ? "reset" : "502 <") << i;
  }
  EXPECT_FALSE(client.over());
}

TEST(H2TargetSim, a_response_that_came_completely_outlives_its_connection) {
  const std::string body = pattern(1, 150'000);
  for (const Break how : {Break::Fin, Break::Reset}) {
    World world(1, kH2c);
    H2End client(world.kernel(), world.connect(), Role::Client);
    client.hold_windows(base::kNever);
    H2Stream& slow = client.request(asking());
    auto target = target_of(world);
    answer(*target, *target->streams().at(0), body);
    world.settle();
    EXPECT_TRUE(target->streams().at(0)->end_sent);

    target->break_off(how);
    world.settle();
    EXPECT_EQ(seen(slow), "open");
    client.hold_windows(0);
    world.settle();
    EXPECT_TRUE(seen(slow) == "200 " + body) << difference(slow.message.body, body);
    EXPECT_EQ(world.kernel().open_sockets(), 1U);
  }
}

TEST(H2TargetSim, who_goes_away_before_reading_such_a_response_leaves_nothing_behind) {
  World world(1, kH2c);
  H2End client(world.kernel(), world.connect(), Role::Client);
  client.hold_windows(base::kNever);
  static_cast<void>(client.request(asking()));
  auto target = target_of(world);
  answer(*target, *target->streams().at(0), pattern(1, 150'000));
  world.settle();
  target->break_off(Break::Fin);
  world.settle();

  client.break_off(Break::Reset);
  world.settle();
  EXPECT_EQ(world.kernel().open_sockets(), 0U);
}

TEST(H2TargetSim, a_damaged_record_of_a_target_breaks_its_streams_alone) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    World world(seed, {.secure_targets = true, .h2_targets = 1});
    H2End client(world.kernel(), world.connect(), Role::Client);
    H2Stream& stream = post(client, "body");
    auto target = target_of(world);
    target->respond(*target->streams().at(0), granting(), H2End::Content::Follows);
    world.settle();
    target->break_off(Break::Garbled);
    world.settle();
    target->peer().cut();  // a length that grew makes the worker wait for the rest
    world.settle();
    EXPECT_TRUE(seen(stream).starts_with("reset")) << seed << seen(stream);
    EXPECT_EQ(world.kernel().open_sockets(), 1U) << seed;
    EXPECT_FALSE(client.over()) << seed;
  }
}

// ---- Tunnels.

TEST(H2TargetSim, a_tunnel_passes_each_half_close_after_the_last_bytes) {
  for (const bool client_first : {false, true}) {
    World world(1, kH2c);
    H2End client(world.kernel(), world.connect(), Role::Client);
    H2Stream& down = client.request(asking_for_tunnel(), H2End::Content::Follows);
    client.write(down, "early");
    auto target = target_of(world);
    H2Stream& up = *target->streams().at(0);
    EXPECT_EQ(up.message.field(":protocol"), "sim");
    target->respond(up, granting(), H2End::Content::Follows);
    world.settle();

    H2End& first = client_first ? client : *target;
    H2End& second = client_first ? *target : client;
    H2Stream& outward = client_first ? down : up;
    H2Stream& inward = client_first ? up : down;
    first.write(outward, " bytes");
    first.finish(outward);
    world.settle();
    EXPECT_TRUE(inward.complete);
    EXPECT_FALSE(outward.complete);
    second.write(inward, " to the end");
    second.finish(inward);
    world.settle();
    EXPECT_EQ(up.message.body, client_first ? "early bytes" : "early to the end");
    EXPECT_EQ(down.message.body, client_first ? " to the end" : " bytes");
    EXPECT_TRUE(up.closed && down.closed);
  }
}

TEST(H2TargetSim, a_target_that_takes_no_tunnels_refuses_with_an_answer) {
  World world(1, kH2c);
  H2End client(world.kernel(), world.connect(), Role::Client);
  H2Stream& stream = client.request(asking_for_tunnel(), H2End::Content::Follows);
  auto target = target_of(world, {.takes_tunnels = false});
  EXPECT_TRUE(target->streams().empty());
  EXPECT_TRUE(seen(stream).starts_with("502")) << seen(stream);
  EXPECT_EQ(world.target().waiting(), 0U);
  EXPECT_TRUE(target->over());
}

}  // namespace
}  // namespace sim
