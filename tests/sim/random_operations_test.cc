// SPDX-License-Identifier: GPL-3.0-or-later
// Applications that break and mend, and operators that pause, stop, drain and deploy, at the times that a seed says,
// while clients ask. Rerun one with SIM_SEED=n, as random_exchanges_test.cc.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/control_world.h"
#include "tests/sim/play_seeds.h"

namespace sim {
namespace {

using Condition = Application::Condition;

constexpr base::Time kPlay = 15 * base::kSecond;
const std::string kFile = "file.test";  // of proxy.toml: applications 0, 1 and 2
const std::string kShop = "shop.test";  // deployed: of the others
constexpr std::size_t kFileApplications = 3;
constexpr std::size_t kApplications = 6;

base::Time some(Random& random, std::size_t milliseconds_most) {
  return static_cast<base::Time>(random.below(milliseconds_most + 1)) * base::kMillisecond;
}

std::string policy_of(Random& random) {
  const std::string rise = std::to_string(random.between(1, 2));
  const std::string fall = std::to_string(random.between(1, 3));
  std::string text = R"(health = { path = "/up", every = "1s", timeout = "500ms", rise = )" + rise +
                     ", fall = " + fall + " }\n";
  if (random.chance(500)) text += "retry = { hold = \"3s\" }\n";
  if (random.chance(300)) text += "balance = \"round-robin\"\n";
  return text;
}

ControlOptions options_of(Random& random) {
  ControlOptions options;
  Faults& faults = options.faults;
  faults.short_transfer = static_cast<unsigned>(random.below(600));
  faults.not_now = static_cast<unsigned>(random.below(300));
  faults.no_buffers = random.chance(700) ? 0 : static_cast<unsigned>(random.below(300));
  faults.slow_completion = static_cast<unsigned>(random.below(500));
  faults.connect_fails = random.chance(700) ? 0 : 100;
  faults.small_buffers = random.chance(300);
  options.toml = site_of(kFile, {0, 1, 2}, policy_of(random));
  options.applications = kApplications;
  return options;
}

class Run {
 public:
  explicit Run(std::uint64_t seed) : random_(seed ^ 0x09e7), world_(seed, options_of(random_)) {
    for (std::size_t i = 0; i < kApplications; ++i)
      world_.application(i).set_pace(0, some(random_, 2'000));
    for (std::size_t i = random_.between(2, 6); i > 0; --i) add_caller();
  }

  void play() {
    const base::Time end = world_.kernel().now() + kPlay;
    deploy();
    while (world_.kernel().now() < end && !failed()) {
      world_.run_for(some(random_, 1'000));
      operate();
    }
    mend();
    const auto at_rest = [&] {
      return world_.all_answered() &&
             std::ranges::all_of(verbs_,
                                 [](const auto& verb) { return verb->result.has_value(); }) &&
             std::ranges::all_of(deploys_, [](const auto& each) { return each->over(); });
    };
    if (!world_.run_until(at_rest)) violation("a request, a verb or a deploy never ends");
    for (const Question& question : world_.questions()) check(question);
    if (world_.worker().counters().requests != world_.questions().size())
      violation("the worker has counted other requests than there were");
    world_.close();
  }

 private:
  void add_caller() {
    std::vector<ControlWorld::Wish> wishes;
    for (std::size_t i = random_.between(1, 10); i > 0; --i)
      wishes.push_back({.in = some(random_, static_cast<std::size_t>(kPlay / base::kMillisecond)),
                        .host = random_.chance(500) ? kFile : kShop});
    std::ranges::sort(wishes, {}, &ControlWorld::Wish::in);
    world_.call(wishes);
  }

  void operate() {
    control::Verbs& verbs = world_.operations().verbs;
    const std::string host = random_.chance(500) ? kFile : kShop;
    switch (random_.below(9)) {
      case 0: return keep(verbs.pause(host, some(random_, 6'000), drain_times()));
      case 1: return keep(verbs.stop(host, "back soon", drain_times()));
      case 2:
      case 3: return static_cast<void>(verbs.resume(host));
      case 4: return take_out();
      case 5: return deploy();
      case 6:
        if (deploys_.empty()) return;
        return static_cast<void>(world_.operations().deploys.abort(random_.pick(deploys_)->id()));
      default: return flip();
    }
  }

  void keep(async::Task<control::Verbs::Result> verb) {
    verbs_.push_back(world_.start(std::move(verb)));
  }

  control::DrainTimes drain_times() {
    const base::Time requests = some(random_, 3'000);
    return {.requests = requests, .tunnels = requests};
  }

  void flip() {
    const auto condition = static_cast<Condition>(random_.below(8));
    world_.application(random_.below(kApplications))
        .become(random_.chance(400) ? Condition::Up : condition);
  }

  void take_out() {
    const std::string id = kFile + "@" + address_of(random_.below(kFileApplications));
    control::Verbs& verbs = world_.operations().verbs;
    if (random_.chance(500)) return static_cast<void>(verbs.set_target(id, {}));
    keep(verbs.drain_target(id, drain_times()));
  }

  void deploy() {
    control::DeployRequest request;
    request.service = kShop;
    request.sites = std::vector<std::string>{kShop};
    for (std::size_t i = random_.between(1, 2); i > 0; --i)
      request.targets.writers.push_back(
          address_of(random_.between(kFileApplications, kApplications - 1)));
    std::ranges::sort(request.targets.writers);
    const auto same = std::ranges::unique(request.targets.writers);
    request.targets.writers.erase(same.begin(), same.end());
    request.options = control::Json::object();
    (*request.options)["health"] = {{"path", "/up"}, {"every", "1s"}, {"timeout", "500ms"}};
    if (random_.chance(500)) (*request.options)["retry"] = {{"hold", "3s"}};
    request.timeout = some(random_, 6'000);
    request.drain = drain_times();
    request.force = random_.chance(200);
    if (auto begun = world_.operations().deploys.start(std::move(request)); begun)
      deploys_.push_back(std::move(*begun));
  }

  // So that everybody gets an answer.
  void mend() {
    for (std::size_t i = 0; i < kApplications; ++i) world_.application(i).become(Condition::Up);
    for (const std::string& host : {kFile, kShop})
      static_cast<void>(world_.operations().verbs.resume(host));
  }

  // What reached an application was answered by it, or was cut by a drain; the others have an answer of the engine's.
  void check(const Question& question) {
    const std::string what = question.path + " of " + question.host + ": " +
                             std::to_string(question.status) + " " + question.cause;
    if (question.answered == base::kNever) return violation("no answer to " + what);
    if (question.reached == base::kNever) {
      const std::vector<std::string> allowed = {"stopped",
                                                "paused",
                                                "no_healthy_target",
                                                "drained",
                                                "connection_refused",
                                                "connection_timeout",
                                                "destination_unavailable",
                                                "destination_ip_unroutable",
                                                "destination_not_found",
                                                "connection_terminated"};
      // Nothing is deployed yet.
      if (question.host == kShop && question.status == 404) return;
      if (question.status < 500 || std::ranges::find(allowed, question.cause) == allowed.end())
        violation("it reached nobody, " + what);
      return;
    }
    const bool cut = question.status == 0 || question.cause == "drained";
    if (cut && !(verbs_.empty() && deploys_.empty())) return;
    if (question.status != 200 ||
        question.body != question.path + " of " + std::to_string(question.port))
      violation("a wrong answer to " + what + " \"" + question.body + "\"");
  }

  [[nodiscard]] bool failed() { return world_.kernel().violated() || testing::Test::HasFailure(); }
  void violation(const std::string& what) { world_.kernel().violation(what); }

  Random random_;
  ControlWorld world_;
  std::vector<std::shared_ptr<ControlWorld::Done>> verbs_;
  std::vector<control::Deploys::DeployPtr> deploys_;
};

void play(std::uint64_t seed) { Run(seed).play(); }

TEST(RandomOperations, every_request_has_one_answer_and_reaches_nobody_it_should_not) {
  play_seeds(300, play);
}

}  // namespace
}  // namespace sim
