// SPDX-License-Identifier: GPL-3.0-or-later
// A target that is tried once more after a pause, of sites with a retry.backoff.
#include <gtest/gtest.h>

#include "tests/sim/talk.h"

namespace sim {
namespace {

constexpr base::Time kBackoff = 4 * base::kSecond;

Options with_backoff(unsigned times, unsigned targets = 1) {
  return {.targets = targets, .edit = [times](route::Service& service) {
            service.retry_times = times;
            service.retry_on = route::kRetryConnect | route::kRetry429 | route::kRetry503;
            service.retry_backoff = kBackoff;
          }};
}

void answer(World& world, std::size_t target, const std::string& status,
            const std::string& fields = "") {
  Peer peer = world.target(target).take();
  ASSERT_TRUE(peer);
  world.send(peer, "HTTP/1.1 " + status + "\r\n" + fields + "Content-Length: 0\r\n\r\n");
  world.settle();
}

TEST(RetrySim, a_target_is_tried_once_more_after_a_pause) {
  World world(1, with_backoff(1));
  Peer client = ask(world);
  answer(world, 0, "503 Busy");
  EXPECT_EQ(seen(client), "nothing");
  EXPECT_EQ(world.worker().counters().parked, 1U);

  world.advance(kBackoff / 2 - base::kMillisecond);
  EXPECT_FALSE(world.target().take()) << "the pause has its least length";
  world.advance(kBackoff / 2 + 2 * base::kMillisecond);
  serve_one(world);
  EXPECT_EQ(seen(client), "200 hello");
}

TEST(RetrySim, each_pause_may_be_twice_as_long_and_the_last_answer_is_passed_on) {
  World world(1, with_backoff(2));
  Peer client = ask(world);
  answer(world, 0, "503 Busy");
  world.advance(kBackoff);
  answer(world, 0, "503 Busy");
  world.advance(kBackoff - base::kMillisecond);
  EXPECT_FALSE(world.target().take());
  world.advance(kBackoff + base::kMillisecond);
  answer(world, 0, "429 Enough", "Retry-After: 7\r\n");
  const Message message = answer_in(client);
  EXPECT_EQ(message.status(), 429);
  EXPECT_EQ(message.field("retry-after"), "7");
}

TEST(RetrySim, what_a_target_asks_for_is_waited_for) {
  World world(1, with_backoff(1));
  Peer client = ask(world);
  answer(world, 0, "429 Enough", "Retry-After: 20\r\n");
  world.advance(20 * base::kSecond - base::kMillisecond);
  EXPECT_FALSE(world.target().take());
  world.advance(base::kSecond);
  serve_one(world);
  EXPECT_EQ(seen(client), "200 hello");
}

TEST(RetrySim, a_reload_does_not_shorten_the_pause) {
  World world(1, with_backoff(1));
  Peer client = ask(world);
  answer(world, 0, "429 Enough", "Retry-After: 20\r\n");
  world.change([](Options& options) { options.edit = nullptr; });
  world.settle();
  EXPECT_FALSE(world.target().take());
  world.advance(21 * base::kSecond);
  serve_one(world);
  EXPECT_EQ(seen(client), "200 hello");
}

TEST(RetrySim, who_asks_for_too_long_a_pause_is_heard_by_the_client) {
  for (const std::string seconds : {"31", "99999999999999999999"}) {
    World world(1, with_backoff(1));
    Peer client = ask(world);
    answer(world, 0, "503 Busy", "Retry-After: " + seconds + "\r\n");
    EXPECT_EQ(answer_in(client).field("retry-after"), seconds);
  }
}

TEST(RetrySim, another_target_is_tried_at_once) {
  World world(1, with_backoff(1, 2));
  Peer client = ask(world);
  const std::size_t first = world.target(0).waiting() > 0 ? 0 : 1;
  answer(world, first, "503 Busy", "Retry-After: 20\r\n");
  serve_one(world, 1 - first);
  EXPECT_EQ(seen(client), "200 hello");
}

TEST(RetrySim, a_target_that_refuses_connections_is_tried_once_more) {
  World world(1, with_backoff(1));
  world.kernel().serve(kTargetPort, nullptr);
  Peer client = ask(world);
  EXPECT_EQ(world.worker().counters().parked, 1U);
  world.advance(kBackoff);
  EXPECT_EQ(answer_in(client).status(), 502);
}

TEST(RetrySim, a_client_that_leaves_during_the_pause_ends_it) {
  World world(1, with_backoff(1));
  Peer client = ask(world);
  answer(world, 0, "503 Busy");
  client.reset();
  world.settle();
  EXPECT_EQ(world.worker().counters().parked, 0U);
}

}  // namespace
}  // namespace sim
