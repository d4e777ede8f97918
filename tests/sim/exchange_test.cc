// SPDX-License-Identifier: GPL-3.0-or-later
// One behaviour each, on a kernel without faults.
#include <gtest/gtest.h>

#include "tests/sim/world.h"

namespace sim {
namespace {

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n";
constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

TEST(Exchange, a_request_reaches_the_target_and_its_answer_the_client) {
  World world(1);
  Peer client = world.connect();
  client.write(kGet);
  world.settle();

  Peer target = world.target().take();
  ASSERT_TRUE(target);
  EXPECT_TRUE(target.read().starts_with("GET /a HTTP/1.1\r\nHost: a.test\r\n"));
  target.write(kHello);
  world.settle();

  const std::string answer = client.read();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nhello")) << answer;
}

}  // namespace
}  // namespace sim
