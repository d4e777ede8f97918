// SPDX-License-Identifier: GPL-3.0-or-later
// How connections end: what a kernel still holds, what a cut message looks like, who gets RST and who FIN.
#include <gtest/gtest.h>

#include "tests/sim/exchange.h"
#include "tests/sim/talk.h"

namespace sim {
namespace {

// The kernel complains when a socket is closed under an operation.
TEST(CloseSim, close_waits_until_the_kernel_returns_the_receive_buffer) {
  World world(1, {.faults = {.slow_completion = 1000}});
  Talk talk = start(world);
  answer(world, talk);
  Peer idle = world.connect();
  world.settle();
  EXPECT_EQ(world.kernel().open_client_sockets(), 2U);

  world.advance(200 * base::kSecond);
  EXPECT_EQ(world.kernel().open_sockets(), 0U);
  EXPECT_FALSE(world.kernel().violated());
}

std::string cut_response(const std::string& bytes, std::size_t at, Break how) {
  World world(at + 1);
  Talk talk = start(world);
  answer(world, talk, std::string_view(bytes).substr(0, at));
  how == Break::Fin ? talk.target.close() : talk.target.reset();
  world.settle();
  return seen(talk.client);
}

TEST(CloseSim, a_response_cut_at_every_byte_never_looks_complete) {
  const std::string length = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789";
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n3\r\n567\r\n0\r\n\r\n";
  const std::string until_close = "HTTP/1.1 200 OK\r\n\r\n01234567890123456789";
  for (const std::string& bytes : {length, chunked, until_close}) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      if (bytes != until_close || at < 19) {
        EXPECT_FALSE(cut_response(bytes, at, Break::Fin).starts_with("200"))
            << "FIN after " << at << " of " << bytes;
      }
      EXPECT_FALSE(cut_response(bytes, at, Break::Reset).starts_with("200"))
          << "RST after " << at << " of " << bytes;
    }
  }
}

TEST(CloseSim, a_cut_response_without_a_length_never_looks_complete_to_http_1_0) {
  World world(1);
  Talk talk = start(world, "GET /a HTTP/1.0\r\nHost: a.test\r\n\r\n");
  answer(world, talk, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  EXPECT_EQ(seen(talk.client), "open");

  talk.target.close();
  world.settle();
  EXPECT_TRUE(talk.client.was_reset());
}

TEST(CloseSim, a_request_cut_at_every_byte_reaches_no_target_complete) {
  const std::string length = post_of("01234567890123456789");
  const std::string chunked =
      "POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\n01234\r\n3\r\n567\r\n0\r\n\r\n";
  for (const std::string& bytes : {length, chunked}) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      World world(at + 1);
      Talk talk = start(world, bytes.substr(0, at));
      at % 2 == 0 ? talk.client.finish() : talk.client.reset();
      world.settle();
      if (!talk.target) continue;
      MessageReader reader(MessageReader::Kind::Request);
      reader.add(talk.request + talk.target.read());
      reader.end();
      EXPECT_FALSE(reader.complete()) << at << " bytes of " << bytes;
      EXPECT_TRUE(talk.target.is_over()) << at << " bytes of " << bytes;
    }
  }
}

// Linux hands the pending error to the first call that looks, here a send(); a receive then reports a plain end.
TEST(CloseSim, a_reset_that_a_send_met_is_not_taken_for_the_end_of_the_response) {
  World world(1);
  Talk talk =
      start(world, "POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\npart");
  answer(world, talk, "HTTP/1.1 200 OK\r\n\r\nhalf of it");

  // The receive is on its way when the RST comes, and the client's bytes overtake it.
  world.kernel().set_faults({.no_buffers = 1000});
  talk.target.write(", and more");
  talk.client.write("more of the body");
  talk.target.reset();
  for (int i = 0; i < 20; ++i) world.tick();
  world.kernel().set_faults({});
  world.settle();
  EXPECT_EQ(seen(talk.client), "broken");
}

TEST(CloseSim, a_refusal_survives_a_client_that_is_still_sending) {
  World world(1, {.edit = [](route::Service& service) { service.body_bytes_max = 10; }});
  Peer client = world.connect();
  client.write("POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 50000\r\n\r\n");
  world.settle();
  world.send(client, pattern(1, 50'000));

  world.advance(10 * base::kSecond);
  EXPECT_FALSE(client.was_reset());
  EXPECT_TRUE(seen(client).starts_with("413"));
  EXPECT_EQ(world.kernel().open_client_sockets(), 0U);
}

TEST(CloseSim, a_client_that_never_reads_its_last_answer_is_dropped) {
  World world(1, {.faults = {.small_buffers = true}});
  Talk talk = start(world);
  const std::string body = pattern(1, 30'000);
  answer(world, talk, answer_of(body).substr(0, 20'000));
  answer(world, talk, answer_of(body).substr(20'000));
  EXPECT_GT(talk.client.readable(), 0U);

  world.advance(1'000 * base::kSecond);
  EXPECT_EQ(world.kernel().open_sockets(), 0U);
}

TEST(CloseSim, a_target_that_answers_early_and_never_reads_the_rest_is_dropped) {
  World world(1);
  const std::string request = post_of(pattern(1, 10'000));
  Talk talk = start(world, request.substr(0, 100));
  talk.target.socket().outbound_max = 500;
  world.send(talk.client, request.substr(100, 9'000));
  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
  talk.client.close();
  world.advance(base::kSecond);
  EXPECT_EQ(world.kernel().open_sockets(), 1U);

  world.advance(2 * base::kSecond);
  EXPECT_TRUE(talk.target.was_reset());
  EXPECT_EQ(world.kernel().open_sockets(), 0U);
}

TEST(CloseSim, a_client_that_dies_while_its_target_thinks_frees_the_target) {
  World world(1);
  Talk talk = start(world);
  talk.client.reset();
  world.settle();
  EXPECT_TRUE(talk.target.is_over());
  EXPECT_EQ(world.kernel().open_sockets(), 0U);
}

TEST(CloseSim, a_stop_without_grace_resets_an_unfinished_response) {
  World world(1);
  Talk talk = start(world);
  answer(world, talk, "HTTP/1.1 200 OK\r\n\r\nsome");
  world.end(0);
  EXPECT_TRUE(talk.client.was_reset());
  EXPECT_TRUE(talk.target.is_over());
}

TEST(CloseSim, a_drain_lets_the_response_finish_and_closes_idle_connections) {
  World world(1);
  Talk talk = start(world);
  Talk idle = start(world);
  answer(world, idle);
  EXPECT_EQ(seen(idle.client), "200 hello");

  world.worker().stop(10 * base::kSecond);
  world.settle();
  EXPECT_TRUE(idle.client.at_end());
  EXPECT_FALSE(talk.client.is_over());
  answer(world, talk);
  EXPECT_EQ(seen(talk.client), "200 hello");
  EXPECT_TRUE(talk.client.at_end());
}

}  // namespace
}  // namespace sim
