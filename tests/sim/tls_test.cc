// SPDX-License-Identifier: GPL-3.0-or-later
// TLS with clients and with targets, over wires that split it anywhere and break at any byte.
#include <gtest/gtest.h>

#include <ctime>

#include "tests/sim/exchange.h"
#include "tests/sim/talk.h"
#include "tests/sim/tls_end.h"
#include "tls/authority.h"

namespace sim {
namespace {

constexpr int kIdleRoundsMost = 1'000;  // on wires of one byte nothing is plaintext for long

// Carries one message from end to end, however little the wires hold. Returns its body.
std::string carry(World& world, Peer& from, Peer& to, std::string_view bytes,
                  MessageReader::Kind kind) {
  MessageReader reader(kind);
  for (int idle = 0; idle < kIdleRoundsMost && !reader.complete();) {
    const std::size_t sent = from.write(bytes);
    bytes.remove_prefix(sent);
    world.settle();
    if (!to) to = world.target().take();
    const std::string got = to ? to.read() : "";
    reader.add(got);
    idle = sent == 0 && got.empty() ? idle + 1 : 0;
  }
  return reader.complete() ? reader.message().body : "incomplete";
}

// An exchange over new connections, each with this body.
void expect_bodies_to_pass(World& world, const std::string& body) {
  Talk talk{.client = world.connect(), .target = {}, .request = {}};
  const std::string up =
      carry(world, talk.client, talk.target, post_of(body), MessageReader::Kind::Request);
  EXPECT_TRUE(up == body) << difference(up, body);
  const std::string down =
      carry(world, talk.target, talk.client, answer_of(body), MessageReader::Kind::Response);
  EXPECT_TRUE(down == body) << difference(down, body);
}

TEST(TlsSim, a_request_and_its_answer_pass_through_tls) {
  World world(1, {.secure_clients = true});
  Talk talk = start(world);
  EXPECT_TRUE(talk.request.starts_with("GET /a HTTP/1.1\r\nHost: a.test\r\n")) << talk.request;

  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
  EXPECT_EQ(talk.client.tls()->session().version(), "1.3");
  EXPECT_EQ(world.worker().counters().tls_handshake_count(), 1U);
}

TEST(TlsSim, handshakes_and_messages_may_come_byte_by_byte) {
  World world(1,
              {.faults = {.single_bytes = true}, .secure_clients = true, .secure_targets = true});
  expect_bodies_to_pass(world, "small");
}

TEST(TlsSim, large_bodies_arrive_unchanged_in_both_directions) {
  const std::string body = pattern(1, 300'000);
  for (const bool small_buffers : {false, true}) {
    const Faults faults{.short_transfer = 300, .not_now = 100, .small_buffers = small_buffers};
    for (const int secure : {1, 2, 3}) {
      World world(1, {.faults = faults,
                      .secure_clients = (secure & 1) != 0,
                      .secure_targets = (secure & 2) != 0});
      expect_bodies_to_pass(world, body);
    }
  }
}

TEST(TlsSim, a_slow_peer_never_makes_memory_grow) {
  const std::string body = pattern(1, 2'000'000);
  World world(1, {.secure_clients = true, .secure_targets = true});
  Talk talk = start(world);
  std::string_view bytes = body;
  answer(world, talk, answer_of(body).substr(0, 200));
  for (std::size_t sent = 1; sent > 0; world.settle())
    bytes.remove_prefix(sent = talk.target.write(bytes));
  EXPECT_GT(bytes.size(), 1'000'000U);
  EXPECT_LT(world.worker().blocks().blocks_out(), 8U);
}

// ---- How it ends.

TEST(TlsSim, a_client_that_half_closes_gets_its_answer) {
  World world(1, {.secure_clients = true});
  Talk talk = start(world);
  talk.client.finish();
  world.settle();
  EXPECT_FALSE(talk.target.is_over());

  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
  EXPECT_TRUE(talk.client.at_end());
}

// Its close_notify comes while the answer leaves, and must not lie unread in a socket that closes.
TEST(TlsSim, a_client_that_says_close_and_half_closes_gets_its_answer) {
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    World world(seed, {.faults = {.short_transfer = 1000}, .secure_clients = true});
    Talk talk = start(world, "GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
    talk.client.finish();
    answer(world, talk);
    EXPECT_EQ(seen(talk.client), "200 hello") << seed;
  }
}

TEST(TlsSim, a_fin_without_close_notify_completes_no_request) {
  const std::string chunked =
      "POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n";
  for (const std::string& bytes : {post_of("0123456789").substr(0, 60), chunked}) {
    World world(1, {.secure_clients = true});
    Talk talk = start(world, bytes);
    talk.client.cut();
    world.settle();
    MessageReader reader(MessageReader::Kind::Request);
    reader.add(talk.request + talk.target.read());
    reader.end();
    EXPECT_FALSE(reader.complete()) << bytes;
    EXPECT_TRUE(talk.target.is_over()) << bytes;
  }
}

TEST(TlsSim, only_close_notify_completes_an_answer_without_a_length) {
  for (const bool cut : {false, true}) {
    World world(1, {.secure_clients = true, .secure_targets = true});
    Talk talk = start(world, "GET /a HTTP/1.0\r\nHost: a.test\r\n\r\n");
    answer(world, talk, "HTTP/1.1 200 OK\r\n\r\nhello");
    EXPECT_FALSE(talk.client.is_over());

    cut ? talk.target.cut() : talk.target.close();
    world.settle();
    EXPECT_EQ(seen(talk.client), cut ? "broken" : "200 hello");
  }
}

TEST(TlsSim, a_client_that_breaks_off_anywhere_in_the_handshake_leaves_nothing_behind) {
  bool secured = false;
  for (int ticks = 0; !secured; ++ticks) {
    World world(1, {.faults = {.single_bytes = true}, .secure_clients = true});
    Peer client = world.connect();
    for (int i = 0; i < ticks; ++i) world.tick();
    secured = world.worker().counters().tls_handshake_count() > 0;
    ticks % 2 == 0 ? client.reset() : client.cut();
    world.settle();
    EXPECT_EQ(world.kernel().open_sockets(), 0U) << ticks;
    EXPECT_EQ(world.worker().blocks().blocks_out(), 0U) << ticks;
  }
}

// ---- Targets.

TEST(TlsSim, a_target_that_breaks_off_anywhere_in_the_handshake_is_answered_with_502) {
  bool secured = false;
  for (int ticks = 1; !secured; ++ticks) {
    World world(1, {.secure_targets = true});
    Peer client = world.connect();
    client.write(kGet);
    world.kernel().set_faults({.single_bytes = true});
    Peer target;
    for (int i = 0; i < ticks; i += target ? 1 : 0) {
      world.tick();
      if (!target) target = world.target().take();
    }
    secured = target.tls()->session().established();
    ticks % 2 == 0 ? target.reset() : target.cut();
    world.settle();
    EXPECT_TRUE(seen(client).starts_with("502")) << ticks;
    EXPECT_EQ(world.kernel().open_sockets(), 1U) << ticks;
    EXPECT_EQ(world.worker().blocks().blocks_out(), 0U) << ticks;
  }
}

TEST(TlsSim, a_connection_to_a_target_is_secured_once_and_used_again) {
  World world(1, {.secure_targets = true});
  Talk talk = start(world);
  EXPECT_TRUE(talk.request.starts_with("GET /a")) << talk.request;
  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");

  ask_again(world, talk);
  EXPECT_TRUE(talk.request.starts_with("GET /a")) << talk.request;
  answer(world, talk, answer_of("again"));
  EXPECT_EQ(seen(talk.client), "200 again");
  EXPECT_EQ(world.worker().counters().upstream_connects, 1U);
}

TEST(TlsSim, a_new_connection_to_a_target_resumes_the_session_of_the_last) {
  World world(1, {.secure_targets = true});
  for (const std::uint64_t resumed : {0U, 1U, 2U}) {
    Talk talk = start(world);
    EXPECT_TRUE(talk.request.starts_with("GET /a")) << talk.request;
    answer(world, talk, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_EQ(seen(talk.client), "200 hello");
    EXPECT_EQ(talk.target.tls()->session().resumed(), resumed > 0);
    EXPECT_EQ(world.worker().counters().upstream_tls_handshakes, resumed + 1);
    EXPECT_EQ(world.worker().counters().upstream_tls_resumed, resumed);
  }
}

// Such a target accepts connections, and the test decides what it says.
struct Stranger {
  explicit Stranger(World& world) {
    world.kernel().serve(kTargetPort, &acceptor);
    client = world.connect();
    client.write(kGet);
    world.settle();
    peer = acceptor.take();
  }
  Target acceptor;
  Peer client;
  Peer peer;
};

TEST(TlsSim, a_target_without_tls_is_answered_with_502) {
  World world(1, {.secure_targets = true});
  Stranger target(world);
  target.peer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
  world.settle();
  EXPECT_TRUE(seen(target.client).starts_with("502"));
  EXPECT_TRUE(target.peer.socket().closed);
}

TEST(TlsSim, a_target_with_a_certificate_of_somebody_else_is_answered_with_502) {
  const std::int64_t now = std::time(nullptr);
  const tls::Pair pair = tls::Authority::create(now)->issue("a.test", now).value();
  World world(1, {.secure_targets = true});
  Stranger target(world);
  target.peer.secure(
      tls::Context::server(pair.chain_pem, pair.key_pem, tls::Version::Tls12).value());
  world.settle();
  EXPECT_TRUE(seen(target.client).starts_with("502"));
  EXPECT_EQ(target.peer.tls()->session().failure(), "the peer sent the alert unknown_ca");
}

TEST(TlsSim, a_target_that_stalls_in_the_handshake_is_given_up_with_504) {
  World world(1, {.secure_targets = true});
  Stranger target(world);
  world.advance(base::kSecond);
  EXPECT_EQ(seen(target.client), "nothing");

  world.advance(2 * base::kSecond);
  EXPECT_TRUE(seen(target.client).starts_with("504"));
  EXPECT_TRUE(target.peer.is_over());
}

// ---- Certificates that control still has to issue.

TEST(TlsSim, a_client_that_waits_for_a_certificate_is_served) {
  World world(1, {.secure_clients = true, .awaits_certificate = true});
  Peer client = world.connect();
  world.settle();
  EXPECT_EQ(world.asked_names(), std::vector<std::string>{"a.test"});
  EXPECT_EQ(client.readable(), 0U);

  world.issue_certificate();
  world.send(client, kGet);
  world.settle();
  Peer target = world.target().take();
  ASSERT_TRUE(target);
  world.send(target, kHello);
  EXPECT_EQ(seen(client), "200 hello");
}

TEST(TlsSim, a_client_may_die_while_it_waits_for_a_certificate) {
  World world(1, {.secure_clients = true, .awaits_certificate = true});
  Peer dies = world.connect();
  world.settle();
  dies.reset();
  world.issue_certificate();
  world.settle();
  EXPECT_EQ(world.kernel().open_sockets(), 0U);
}

TEST(TlsSim, a_client_whose_certificate_does_not_come_is_closed) {
  World world(1, {.secure_clients = true, .awaits_certificate = true});
  Peer client = world.connect();
  world.advance(11 * base::kSecond);
  EXPECT_TRUE(client.is_over());
  EXPECT_EQ(world.kernel().open_sockets(), 0U);

  world.issue_certificate();
  world.settle();
  EXPECT_EQ(world.worker().counters().tls_handshake_count(), 0U);
}

}  // namespace
}  // namespace sim
