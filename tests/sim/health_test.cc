// SPDX-License-Identifier: GPL-3.0-or-later
// Control asks targets whether they are up, and the worker's requests go where it says.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/control_world.h"

namespace sim {
namespace {

using Condition = Application::Condition;

constexpr base::Time kEvery = base::kSecond;
constexpr base::Time kLongest = kEvery * 6 / 5;  // between two probes
constexpr base::Time kTimeout = 500 * base::kMillisecond;
constexpr base::Time kSlack = 10 * base::kMillisecond;  // of timers, and of the kernel
const std::string kHealth =
    R"(health = { path = "/up", every = "1s", timeout = "500ms", rise = 2, fall = 3 })";
const std::string kAtOnce =
    R"(health = { path = "/up", every = "1s", timeout = "500ms", rise = 1, fall = 1 })";

ControlOptions asked(const std::vector<std::size_t>& applications,
                     const std::string& rest = kHealth) {
  return {.toml = site_of("a.test", applications, rest),
          .applications = static_cast<unsigned>(applications.size())};
}

bool is_up(ControlWorld& world, std::size_t application = 0) {
  return world.health("a.test", application)->up();
}

std::string last_text(ControlWorld& world) {
  const auto* last = world.operations().health.last(*world.health("a.test"));
  return last == nullptr ? "" : last->text;
}

// One client that asks so many times, one every `pause`.
void call(ControlWorld& world, std::size_t count, base::Time pause) {
  std::vector<ControlWorld::Wish> wishes;
  for (std::size_t i = 0; i < count; ++i)
    wishes.push_back({.in = static_cast<base::Time>(i) * pause});
  world.call(wishes);
}

// ---- Probes.

TEST(HealthSim, a_target_goes_down_after_three_bad_answers_in_a_row_and_up_after_two_good_ones) {
  ControlWorld world(1, asked({0}));
  world.run_for(5 * base::kSecond);
  EXPECT_TRUE(is_up(world));

  const std::size_t before = world.application().probes().size();
  world.application().become(Condition::Failing);
  ASSERT_TRUE(world.run_until([&] { return !is_up(world); }));
  EXPECT_EQ(world.application().probes().size(), before + 3);
  EXPECT_LE(world.kernel().now() - world.application().probes().back(), kSlack);

  world.application().become(Condition::Up);
  ASSERT_TRUE(world.run_until([&] { return is_up(world); }));
  EXPECT_EQ(world.application().probes().size(), before + 5);
}

TEST(HealthSim, bad_answers_with_a_good_one_between_them_are_no_row) {
  ControlWorld world(1, asked({0}));
  for (int i = 0; i < 5; ++i) {
    const auto probed = [&](std::size_t more) {
      const std::size_t wanted = world.application().probes().size() + more;
      ASSERT_TRUE(world.run_until([&] { return world.application().probes().size() == wanted; }));
      world.run_for(kSlack);
    };
    world.application().become(Condition::Failing);
    probed(2);
    world.application().become(Condition::Up);
    probed(1);
    EXPECT_TRUE(is_up(world));
  }
}

TEST(HealthSim, probes_come_at_the_interval_and_at_most_a_fifth_of_it_earlier_or_later) {
  ControlWorld world(1, asked({0}));
  world.run_for(100 * base::kSecond);
  const std::vector<base::Time>& probes = world.application().probes();
  ASSERT_GT(probes.size(), 90U);
  EXPECT_LT(probes.size(), 110U);
  for (std::size_t i = 1; i < probes.size(); ++i) {
    EXPECT_GE(probes[i] - probes[i - 1], kEvery * 4 / 5);
    EXPECT_LE(probes[i] - probes[i - 1], kLongest + kSlack);
  }
}

TEST(HealthSim, probes_of_many_targets_that_began_together_move_apart) {
  constexpr std::size_t kTargets = 40;
  constexpr std::size_t kParts = 10;  // of the interval
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < kTargets; ++i) all.push_back(i);
  ControlWorld world(1, asked(all));
  world.run_for(100 * base::kSecond);

  std::vector<std::size_t> in_part(kParts, 0);
  for (std::size_t i = 0; i < kTargets; ++i) {
    const std::vector<base::Time>& probes = world.application(i).probes();
    EXPECT_LE(probes.front() - world.application().probes().front(), kSlack);
    ++in_part[static_cast<std::size_t>(probes.back() % kEvery) * kParts / kEvery];
  }
  EXPECT_LE(*std::ranges::max_element(in_part), kTargets / 4);
  EXPECT_GE(*std::ranges::min_element(in_part), 1U);
}

TEST(HealthSim, a_probe_that_hangs_is_bad_once_its_time_is_over) {
  ControlWorld world(1, asked({0}));
  world.run_for(5 * base::kSecond);
  const std::size_t before = world.application().probes().size();
  world.application().become(Condition::Hangs);
  ASSERT_TRUE(world.run_until([&] { return !is_up(world); }));
  ASSERT_EQ(world.application().probes().size(), before + 3);
  const base::Time hung = world.kernel().now() - world.application().probes().back();
  EXPECT_GE(hung, kTimeout - kSlack);
  EXPECT_LE(hung, kTimeout + kSlack);
  EXPECT_EQ(last_text(world), "no answer within 500ms");

  world.application().become(Condition::Up);
  EXPECT_TRUE(world.run_until([&] { return is_up(world); }, 2 * kLongest + kTimeout + kSlack));
}

TEST(HealthSim, what_a_target_does_instead_of_being_up_is_the_cause_of_its_being_down) {
  struct Case {
    Condition condition;
    std::string cause;
  };
  for (const auto& [condition, cause] :
       std::vector<Case>{{Condition::Refuses, "connection refused"},
                         {Condition::Redirects, "301 to /login"},
                         {Condition::Missing, "404 in"},
                         {Condition::Failing, "503 in"},
                         {Condition::ClosesInHead, "closed before it answered"},
                         {Condition::Hangs, "no answer within 500ms"}}) {
    ControlWorld world(1, asked({0}, kAtOnce));
    world.application().become(condition);
    ASSERT_TRUE(world.run_until([&] { return !is_up(world); })) << cause;
    EXPECT_TRUE(last_text(world).starts_with(cause)) << last_text(world);
    const control::Events::One* told = world.operations().events.after(0);
    ASSERT_NE(told, nullptr);
    EXPECT_EQ(told->kind, "health");
    EXPECT_NE(told->json.find(cause), std::string::npos) << told->json;
  }
}

TEST(HealthSim, a_target_that_forces_https_is_asked_as_if_the_client_had_it) {
  ControlWorld world(1, asked({0}));
  world.application().become(Condition::WantsHttps);
  world.run_for(10 * base::kSecond);
  EXPECT_TRUE(is_up(world));
  EXPECT_TRUE(last_text(world).starts_with("200")) << last_text(world);
}

TEST(HealthSim, a_target_that_nobody_asks_any_more_counts_as_up) {
  ControlWorld world(1, asked({0, 1}, kAtOnce));
  world.application().become(Condition::Failing);
  ASSERT_TRUE(world.run_until([&] { return !is_up(world); }));
  const auto health = world.health("a.test");
  control::TargetWish wish;
  wish.enabled = false;
  const std::string id = "a.test@" + address_of(0);
  ASSERT_TRUE(world.operations().verbs.set_target(id, wish));
  EXPECT_TRUE(health->up());

  const std::size_t before = world.application().probes().size();
  world.run_for(5 * base::kSecond);
  EXPECT_EQ(world.application().probes().size(), before);
}

// ---- Requests.

TEST(HealthSim, a_target_that_breaks_gets_no_request_after_one_interval_and_one_timeout) {
  for (const Condition condition : {Condition::Failing, Condition::Hangs, Condition::Missing}) {
    ControlWorld world(1, asked({0, 1}, kAtOnce));
    call(world, 200, 50 * base::kMillisecond);
    world.run_for(3 * base::kSecond);
    EXPECT_GT(world.application(0).requests().size(), 5U);
    world.application(0).become(condition);
    const base::Time broken = world.kernel().now();
    ASSERT_TRUE(world.run_until([&] { return world.all_answered(); }));
    EXPECT_LE(world.application(0).requests().back(), broken + kLongest + kTimeout + kSlack);
    EXPECT_GT(world.application(1).requests().size(), 100U);
    for (const Question& question : world.questions()) EXPECT_EQ(question.status, 200);
  }
}

TEST(HealthSim, a_target_that_is_up_again_gets_requests_again) {
  ControlWorld world(1, asked({0, 1}, kAtOnce));
  world.application(0).become(Condition::Failing);
  ASSERT_TRUE(world.run_until([&] { return !is_up(world); }));
  call(world, 100, 50 * base::kMillisecond);
  world.run_for(2 * base::kSecond);
  EXPECT_EQ(world.application(0).requests().size(), 0U);
  world.application(0).become(Condition::Up);
  ASSERT_TRUE(world.run_until([&] { return world.all_answered(); }));
  EXPECT_GT(world.application(0).requests().size(), 10U);
}

TEST(HealthSim, without_a_target_that_is_up_the_answer_is_503_at_once) {
  ControlWorld world(1, asked({0, 1}, kAtOnce));
  for (std::size_t i = 0; i < 2; ++i) world.application(i).become(Condition::Failing);
  ASSERT_TRUE(world.run_until([&] { return !is_up(world, 0) && !is_up(world, 1); }));
  call(world, 1, 0);
  ASSERT_TRUE(world.run_until([&] { return world.all_answered(); }, kSlack));
  EXPECT_EQ(world.questions()[0].status, 503);
  EXPECT_EQ(world.questions()[0].cause, "no_healthy_target");
}

TEST(HealthSim, the_last_target_is_never_left_alone_for_its_errors) {
  const std::string outlier = R"(outlier = { errors = 2, window = "10s", eject = "60s" })";
  for (const std::vector<std::size_t>& applications :
       {std::vector<std::size_t>{0}, std::vector<std::size_t>{0, 1}}) {
    ControlWorld world(1, asked(applications, kHealth + "\n" + outlier));
    for (const std::size_t each : applications) world.application(each).set_status("500 Oh");
    call(world, 100, 50 * base::kMillisecond);
    ASSERT_TRUE(world.run_until([&] { return world.all_answered(); }));
    std::size_t served = 0;
    for (const std::size_t each : applications) served += world.application(each).requests().size();
    EXPECT_EQ(served, 100U);
    for (const Question& question : world.questions()) EXPECT_EQ(question.status, 500);
  }
}

TEST(HealthSim, a_request_that_waits_for_a_target_goes_on_with_the_probe_that_succeeds) {
  ControlWorld world(1, asked({0}, kAtOnce + "\nretry = { hold = \"10s\" }"));
  world.application().become(Condition::Failing);
  ASSERT_TRUE(world.run_until([&] { return !is_up(world); }));
  for (int i = 0; i < 5; ++i) call(world, 1, 0);
  world.run_for(4 * base::kSecond);
  EXPECT_EQ(world.worker().counters().parked, 5U);

  world.application().become(Condition::Up);
  ASSERT_TRUE(world.run_until([&] { return world.all_answered(); }, kLongest + kSlack));
  for (const Question& question : world.questions()) {
    EXPECT_EQ(question.status, 200);
    EXPECT_LE(question.reached - world.application().probes().back(), kSlack);
  }
}

}  // namespace
}  // namespace sim
