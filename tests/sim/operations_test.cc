// SPDX-License-Identifier: GPL-3.0-or-later
// Drains, gates and deploys as control does them, while clients ask.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/control_world.h"
#include "tests/sim/play_seeds.h"

namespace sim {
namespace {

using Condition = Application::Condition;
using DeployState = control::Deploy::State;

constexpr base::Time kSlack = 10 * base::kMillisecond;  // of timers, and of the kernel
constexpr base::Time kLook = 20 * base::kMillisecond;   // how often a drain looks
constexpr base::Time kOften = 50 * base::kMillisecond;
const std::string kHost = "a.test";

control::DrainTimes within(base::Time requests) {
  return {.requests = requests, .tunnels = requests};
}

ControlOptions with(const std::vector<std::size_t>& applications) {
  return {.toml = site_of(kHost, applications)};
}

// So many clients with one request each, at once.
void call_together(ControlWorld& world, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) world.call({{.host = kHost}});
  world.run_for(kSlack);
}

// One client that asks for so long.
void call_for(ControlWorld& world, base::Time time) {
  std::vector<ControlWorld::Wish> wishes;
  for (base::Time in = 0; in < time; in += kOften) wishes.push_back({.in = in, .host = kHost});
  world.call(wishes);
}

bool finish(ControlWorld& world) {
  return world.run_until([&] { return world.all_answered(); });
}

std::size_t count(const ControlWorld& world, int status, const std::string& cause = {}) {
  return static_cast<std::size_t>(std::ranges::count_if(world.questions(), [&](const auto& each) {
    return each.status == status && each.cause == cause;
  }));
}

control::DeployRequest deploying(std::size_t application) {
  control::DeployRequest request;
  request.service = kHost;
  request.sites = std::vector<std::string>{kHost};
  request.targets.writers = {address_of(application)};
  request.options = control::Json::object();
  (*request.options)["health"] = {{"path", "/up"}, {"every", "1s"}, {"timeout", "500ms"}};
  request.drain = within(5 * base::kSecond);
  return request;
}

control::Deploys::DeployPtr deploy(ControlWorld& world, const control::DeployRequest& request) {
  return world.operations().deploys.start(request).value();
}

// Nothing in proxy.toml; application 0 is deployed.
void deploy_first(ControlWorld& world) {
  const auto first = deploy(world, deploying(0));
  ASSERT_TRUE(world.run_until([&] { return first->over(); }));
  ASSERT_EQ(first->state(), DeployState::Done);
}

bool is_in(const control::Deploys::DeployPtr& deploy, DeployState state) {
  return deploy->state() == state;
}

// ---- Drains.

TEST(OperationsSim, a_drain_cuts_what_is_left_exactly_when_its_time_is_over) {
  ControlWorld world(1, with({0, 1}));
  for (std::size_t i = 0; i < 2; ++i)
    world.application(i).set_pace(20 * base::kSecond, 20 * base::kSecond);
  call_together(world, 10);
  const std::size_t there = world.application(0).requests().size();
  ASSERT_GT(there, 0U);
  ASSERT_LT(there, 10U);
  const auto done = world.start(world.operations().verbs.drain_target(kHost + "@" + address_of(0),
                                                                      within(3 * base::kSecond)));
  const base::Time start = world.kernel().now();
  ASSERT_TRUE(finish(world));

  EXPECT_EQ(count(world, 504, "drained"), there);
  EXPECT_EQ(count(world, 200), 10 - there);
  for (const Question& question : world.questions()) {
    if (question.status != 504) continue;
    EXPECT_GE(question.answered, start + 3 * base::kSecond);
    EXPECT_LE(question.answered, start + 3 * base::kSecond + kSlack);
  }
  ASSERT_TRUE(done->result && *done->result);
  EXPECT_EQ((*done->result)->cut, there);
  EXPECT_LE(done->at, start + 3 * base::kSecond + kSlack + kLook);
}

TEST(OperationsSim, a_drain_is_over_with_the_last_request_and_the_others_get_the_next) {
  ControlWorld world(1, with({0, 1}));
  for (std::size_t i = 0; i < 2; ++i)
    world.application(i).set_pace(base::kSecond, 2 * base::kSecond);
  call_together(world, 10);
  const std::size_t there = world.application(0).requests().size();
  const auto done = world.start(world.operations().verbs.drain_target(kHost + "@" + address_of(0),
                                                                      within(30 * base::kSecond)));
  call_together(world, 10);
  ASSERT_TRUE(finish(world));

  EXPECT_EQ(count(world, 200), 20U);
  EXPECT_EQ(world.application(0).requests().size(), there);
  base::Time last = 0;
  for (const Question& question : world.questions())
    if (question.port == world.application(0).port()) last = std::max(last, question.answered);
  ASSERT_TRUE(world.run_until([&] { return done->result.has_value(); }, kLook + kSlack));
  EXPECT_EQ((*done->result)->cut, 0U);
  EXPECT_GE(done->at, last - kSlack);
  EXPECT_LE(done->at, last + kLook + kSlack);
}

TEST(OperationsSim, a_drain_of_a_target_that_nobody_uses_is_over_at_once) {
  ControlWorld world(1, with({0, 1}));
  const auto done = world.start(world.operations().verbs.drain_target(kHost + "@" + address_of(0),
                                                                      within(30 * base::kSecond)));
  EXPECT_TRUE(done->result.has_value());
}

// ---- Gates.

// `max_pause` is 5 s; the gate opens 1 to 9 s after the pause.
void pause_and_resume(std::uint64_t seed) {
  ControlWorld world(seed,
                     {.faults = {.short_transfer = 200, .not_now = 100, .slow_completion = 200},
                      .toml = site_of(kHost, {0, 1})});
  Random& random = world.kernel().random();
  constexpr base::Time kMaxPause = 5 * base::kSecond;
  const auto paused =
      world.start(world.operations().verbs.pause(kHost, kMaxPause, within(base::kSecond)));
  const base::Time resumed_in = static_cast<base::Time>(random.between(1'000, 9'000)) * 1'000'000;
  for (std::size_t i = random.between(5, 30); i > 0; --i) {
    const auto in = static_cast<base::Time>(random.between(0, 9'500)) * 1'000'000;
    world.call({{.in = in, .host = kHost}});
  }
  world.run_for(resumed_in);
  ASSERT_TRUE(paused->result && *paused->result);
  const base::Time resumed = world.kernel().now();
  ASSERT_TRUE(world.operations().verbs.resume(kHost));
  ASSERT_TRUE(finish(world)) << "SIM_SEED=" << seed;

  constexpr base::Time kFaults = 50 * base::kMillisecond;  // what they add
  for (const Question& question : world.questions()) {
    const bool waits_too_long = question.asked + kMaxPause < resumed;
    if (std::abs(question.asked + kMaxPause - resumed) < kFaults) continue;
    EXPECT_EQ(question.status, waits_too_long ? 504 : 200) << "SIM_SEED=" << seed;
    EXPECT_EQ(question.cause, waits_too_long ? "paused" : "");
    const base::Time wanted =
        waits_too_long ? question.asked + kMaxPause : std::max(question.asked, resumed);
    EXPECT_GE(question.answered, wanted) << "SIM_SEED=" << seed;
    EXPECT_LE(question.answered, wanted + kFaults) << "SIM_SEED=" << seed;
  }
}

TEST(OperationsSim, a_pause_loses_no_request_whenever_it_ends_and_none_waits_longer_than_it_may) {
  play_seeds(50, pause_and_resume);
}

TEST(OperationsSim, a_pause_that_ends_early_cuts_nobody) {
  ControlWorld world(1, with({0}));
  world.application().set_pace(6 * base::kSecond, 6 * base::kSecond);
  call_together(world, 3);
  const auto paused = world.start(
      world.operations().verbs.pause(kHost, 30 * base::kSecond, within(4 * base::kSecond)));
  world.run_for(2 * base::kSecond);
  ASSERT_TRUE(world.operations().verbs.resume(kHost));
  ASSERT_TRUE(finish(world));
  EXPECT_EQ(count(world, 200), 3U);
}

TEST(OperationsSim, a_pause_gives_requests_in_flight_their_time) {
  ControlWorld world(1, with({0}));
  world.application().set_pace(6 * base::kSecond, 6 * base::kSecond);
  call_together(world, 3);
  const auto paused = world.start(
      world.operations().verbs.pause(kHost, 30 * base::kSecond, within(4 * base::kSecond)));
  const base::Time start = world.kernel().now();
  call_together(world, 2);
  ASSERT_TRUE(world.run_until([&] { return paused->result.has_value(); }));
  EXPECT_LE(paused->at, start + 4 * base::kSecond + kSlack + kLook);
  EXPECT_EQ((*paused->result)->cut, 3U);
  EXPECT_EQ(count(world, 504, "drained"), 3U);
  ASSERT_TRUE(world.operations().verbs.resume(kHost));
  ASSERT_TRUE(finish(world));
  EXPECT_EQ(count(world, 200), 2U);
}

TEST(OperationsSim, a_stop_answers_new_requests_and_those_that_wait_until_it_is_resumed) {
  ControlWorld world(1, with({0}));
  const auto paused =
      world.start(world.operations().verbs.pause(kHost, 30 * base::kSecond, within(0)));
  call_together(world, 3);
  EXPECT_EQ(world.worker().counters().parked, 3U);
  const auto stopped = world.start(world.operations().verbs.stop(kHost, "back soon", within(0)));
  call_together(world, 2);
  EXPECT_EQ(count(world, 503, "stopped"), 5U);
  ASSERT_TRUE(world.operations().verbs.resume(kHost));
  call_together(world, 4);
  ASSERT_TRUE(finish(world));
  EXPECT_EQ(count(world, 200), 4U);
}

// ---- Deploys.

TEST(OperationsSim, a_deploy_swaps_once_its_target_is_up_and_the_old_one_gets_no_request_after) {
  ControlWorld world(1);
  deploy_first(world);
  world.application(1).become(Condition::Refuses);
  call_for(world, 10 * base::kSecond);
  const auto second = deploy(world, deploying(1));
  world.run_for(2 * base::kSecond);
  world.application(1).become(Condition::Failing);
  world.run_for(2 * base::kSecond);
  EXPECT_TRUE(is_in(second, DeployState::Probing));
  EXPECT_EQ(world.application(1).requests().size(), 0U);

  world.application(1).become(Condition::Up);
  ASSERT_TRUE(world.run_until([&] { return !is_in(second, DeployState::Probing); },
                              base::kSecond + kSlack));
  const base::Time swapped = world.kernel().now();
  ASSERT_FALSE(world.application(1).probes().empty());
  EXPECT_LE(swapped - world.application(1).probes().back(), kSlack);
  ASSERT_TRUE(finish(world));
  EXPECT_TRUE(is_in(second, DeployState::Done));
  EXPECT_EQ(count(world, 200), world.questions().size());
  EXPECT_LE(world.application(0).requests().back(), swapped + kSlack);
  EXPECT_GT(world.application(1).requests().size(), 50U);
}

TEST(OperationsSim, a_deploy_whose_target_never_is_up_ends_at_its_timeout_and_changes_nothing) {
  struct Case {
    Condition condition;
    std::string cause;
  };
  for (const auto& [condition, cause] :
       std::vector<Case>{{Condition::Refuses, "connection refused"},
                         {Condition::Missing, "404"},
                         {Condition::Hangs, "no answer within 500ms"},
                         {Condition::ClosesInHead, "closed before it answered"}}) {
    ControlWorld world(1);
    deploy_first(world);
    world.application(1).become(condition);
    const std::uint64_t generation = world.worker().snapshot().generation;
    control::DeployRequest request = deploying(1);
    request.timeout = 4 * base::kSecond;
    const auto second = deploy(world, request);
    const base::Time start = world.kernel().now();
    call_for(world, 6 * base::kSecond);
    ASSERT_TRUE(world.run_until([&] { return second->over(); }));

    EXPECT_TRUE(is_in(second, DeployState::Failed));
    EXPECT_EQ(world.kernel().now() / base::kSecond, (start + 4 * base::kSecond) / base::kSecond);
    EXPECT_NE(second->to_json()["cause"].get<std::string>().find(cause), std::string::npos);
    ASSERT_TRUE(finish(world));
    EXPECT_EQ(world.worker().snapshot().generation, generation);
    EXPECT_EQ(world.application(0).requests().size(), world.questions().size());
  }
}

TEST(OperationsSim, a_deploy_that_is_aborted_leaves_what_was_and_the_next_one_may_begin) {
  ControlWorld world(1);
  deploy_first(world);
  world.application(1).become(Condition::Hangs);
  const auto second = deploy(world, deploying(1));
  world.run_for(base::kSecond);
  EXPECT_FALSE(world.operations().deploys.start(deploying(1)));
  ASSERT_TRUE(world.operations().deploys.abort(second->id()));
  ASSERT_TRUE(world.run_until([&] { return second->over(); }, kSlack));
  EXPECT_TRUE(is_in(second, DeployState::Aborted));

  world.application(1).become(Condition::Up);
  const auto third = deploy(world, deploying(1));
  ASSERT_TRUE(world.run_until([&] { return third->over(); }, kSlack));
  EXPECT_TRUE(is_in(third, DeployState::Done));
}

TEST(OperationsSim, requests_of_the_old_target_have_the_drain_time_of_a_deploy) {
  for (const base::Time pace : {4 * base::kSecond, 8 * base::kSecond}) {
    ControlWorld world(1);
    deploy_first(world);
    world.application(0).set_pace(pace, pace);
    call_together(world, 5);
    const auto second = deploy(world, deploying(1));
    ASSERT_TRUE(world.run_until([&] { return is_in(second, DeployState::Draining); }, kSlack));
    const base::Time start = world.kernel().now();
    ASSERT_TRUE(finish(world));
    const bool in_time = pace < 5 * base::kSecond;
    EXPECT_EQ(count(world, in_time ? 200 : 504, in_time ? "" : "drained"), 5U);
    if (!in_time) {
      EXPECT_LE(world.kernel().now(), start + 5 * base::kSecond + kSlack);
    }
    ASSERT_TRUE(world.run_until([&] { return second->over(); }, kLook + kSlack));
    EXPECT_TRUE(is_in(second, DeployState::Done));
  }
}

TEST(OperationsSim, who_waits_at_a_gate_gets_the_target_that_was_deployed_meanwhile) {
  ControlWorld world(1);
  deploy_first(world);
  const auto paused =
      world.start(world.operations().verbs.pause(kHost, 30 * base::kSecond, within(0)));
  call_together(world, 5);
  const auto second = deploy(world, deploying(1));
  ASSERT_TRUE(world.run_until([&] { return second->over(); }, base::kSecond));
  EXPECT_EQ(world.worker().counters().parked, 5U);
  ASSERT_TRUE(world.operations().verbs.resume(kHost));
  ASSERT_TRUE(finish(world));
  EXPECT_EQ(count(world, 200), 5U);
  EXPECT_EQ(world.application(1).requests().size(), 5U);
  EXPECT_EQ(world.application(0).requests().size(), 0U);
}

TEST(OperationsSim, a_target_that_is_deployed_by_force_is_down_until_probes_find_it_up) {
  ControlWorld world(1);
  deploy_first(world);
  world.application(1).become(Condition::Failing);
  control::DeployRequest request = deploying(1);
  request.force = true;
  (*request.options)["retry"] = {{"hold", "30s"}};
  const auto second = deploy(world, request);
  ASSERT_TRUE(world.run_until([&] { return second->over(); }, kSlack));
  call_together(world, 5);
  world.run_for(3 * base::kSecond);
  EXPECT_EQ(world.worker().counters().parked, 5U);

  world.application(1).become(Condition::Up);
  ASSERT_TRUE(finish(world));
  EXPECT_EQ(count(world, 200), 5U);
  EXPECT_EQ(world.application(1).requests().size(), 5U);
}

TEST(OperationsSim, deploys_one_after_the_other_lose_no_request) {
  ControlWorld world(7, {.faults = {.short_transfer = 200, .not_now = 100, .slow_completion = 200},
                         .toml = {},
                         .applications = 3});
  for (std::size_t i = 0; i < 3; ++i) world.application(i).set_pace(0, 300 * base::kMillisecond);
  deploy_first(world);
  for (int i = 0; i < 4; ++i) call_for(world, 5 * base::kSecond);
  for (std::size_t i = 1; i < 20; ++i) {
    const auto next = deploy(world, deploying(i % 3));
    ASSERT_TRUE(world.run_until([&] { return next->over(); }));
    ASSERT_TRUE(is_in(next, DeployState::Done));
  }
  ASSERT_TRUE(finish(world));
  EXPECT_EQ(count(world, 200), world.questions().size());
}

}  // namespace
}  // namespace sim
