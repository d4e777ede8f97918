// SPDX-License-Identifier: GPL-3.0-or-later
// What the access log says of how long a request was held back, and by what.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/sim/talk.h"

namespace sim {
namespace {

constexpr double kMoment = 0.01;  // ticks take one each

void gated(route::Service& service) {
  service.gate = {
      .state = route::Gate::State::Paused, .max_pause = 30 * base::kSecond, .message = {}};
}

// Whoever waits for a connection waits as long as it takes.
void patient(route::Service& service) { service.timeouts.connect = 0; }

// As the service is from now on.
void set_gate(World& world, void (*edit)(route::Service&)) {
  world.change([&](Options& options) { options.edit = edit; });
  world.settle();
}

// The last line.
nlohmann::json log_line(World& world) {
  std::string_view lines = world.access_log().peek();
  lines.remove_suffix(1);
  return nlohmann::json::parse(lines.substr(lines.rfind('\n') + 1));
}

TEST(WaitLogSim, the_log_says_how_long_a_request_waited_for_its_gate_and_of_whose_service) {
  World world(1, {.edit =
                      [](route::Service& service) {
                        gated(service);
                        service.name = "shop";
                      },
                  .access = {.format = proxy::LogFormat::Json}});
  Peer client = ask(world);
  world.advance(31 * base::kSecond);
  const auto json = log_line(world);
  EXPECT_EQ(json["service"], "shop");
  EXPECT_EQ(json["error"], "paused");
  EXPECT_NEAR(json.value("gate_wait", 0.0), 30, 2);
  EXPECT_EQ(json["t_total"], json.value("gate_wait", 0.0));
  EXPECT_FALSE(json.contains("queue"));
}

TEST(WaitLogSim, the_log_tells_the_wait_for_a_gate_from_that_for_a_connection) {
  Options options;
  options.limits.target_connections_max = 1;
  options.access.format = proxy::LogFormat::Json;
  World world(1, options);
  Talk busy = start(world);
  set_gate(world, gated);
  Peer client = ask(world);
  world.advance(2 * base::kSecond);
  set_gate(world, patient);
  world.advance(base::kSecond / 2);
  set_gate(world, gated);
  world.advance(5 * base::kSecond);
  set_gate(world, patient);
  world.advance(base::kSecond);
  answer(world, busy);
  EXPECT_FALSE(log_line(world).contains("gate_wait"));
  EXPECT_FALSE(log_line(world).contains("queue"));

  answer(world, busy);
  EXPECT_EQ(seen(client), "200 hello");
  const auto json = log_line(world);
  EXPECT_NEAR(json.value("gate_wait", 0.0), 7.0, kMoment);
  EXPECT_NEAR(json.value("queue", 0.0), 1.5, kMoment);
  EXPECT_NEAR(json.value("t_total", 0.0), 8.5, kMoment);
}

TEST(WaitLogSim, the_log_counts_the_wait_for_a_target_as_one_in_the_queue) {
  World world(1, {.edit = [](route::Service& service) { service.retry_hold = 10 * base::kSecond; },
                  .access = {.format = proxy::LogFormat::Json}});
  world.health().set_up(false);
  Peer client = ask(world);
  world.advance(3 * base::kSecond);
  set_gate(world, gated);
  world.advance(2 * base::kSecond);
  world.health().set_up(true);
  set_gate(world, patient);
  serve_one(world);
  EXPECT_EQ(seen(client), "200 hello");
  const auto json = log_line(world);
  EXPECT_NEAR(json.value("queue", 0.0), 3.0, kMoment);
  EXPECT_NEAR(json.value("gate_wait", 0.0), 2.0, kMoment);
}

TEST(WaitLogSim, a_client_that_gives_up_while_it_waits_is_logged_with_its_wait) {
  World world(1, {.edit = gated, .access = {.format = proxy::LogFormat::Json}});
  Peer client = ask(world);
  world.advance(3 * base::kSecond);
  client.reset();
  world.settle();
  const auto json = log_line(world);
  EXPECT_EQ(json["error"], "client_closed");
  EXPECT_NEAR(json.value("gate_wait", 0.0), 3.0, kMoment);
}

}  // namespace
}  // namespace sim
