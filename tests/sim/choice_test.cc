// SPDX-License-Identifier: GPL-3.0-or-later
// Which of several targets gets a request: pools, health, outliers, sticky clients, rollouts.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "engine/base/log.h"
#include "tests/sim/talk.h"

namespace sim {
namespace {

using route::Pool;

constexpr std::size_t kNobody = SIZE_MAX;
constexpr std::string_view kOk =
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view kBad =
    "HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

struct Outcome {
  std::size_t target = kNobody;  // who got the request
  Message answer;

  // Of the cookie that this answer sets; empty when it sets none of that name.
  [[nodiscard]] std::string cookie(std::string_view name) const {
    for (const auto& [field, value] : answer.fields) {
      if (field == "set-cookie" && value.starts_with(std::string(name) + "="))
        return value.substr(name.size() + 1);
    }
    return {};
  }
};

std::string value_of(const std::string& cookie) { return cookie.substr(0, cookie.find(';')); }

class ChoiceSim : public testing::Test {
 protected:
  // The site's targets are in these pools.
  World& make(std::vector<Pool> pools, std::function<void(route::Service&)> edit = {}) {
    Options options;
    options.targets = static_cast<unsigned>(pools.size());
    options.secure_clients = secure_;
    options.edit = [this, pools, edit](route::Service& service) {
      for (std::size_t i = 0; i < pools.size(); ++i) service.targets[i].pool = pools[i];
      service.read_split.affinity = 2 * base::kSecond;
      if (edit) edit(service);
      health_.clear();
      for (const auto& target : service.targets) health_.push_back(target.health);
    };
    count_ = pools.size();
    world_ = std::make_unique<World>(seed_++, options);
    return *world_;
  }

  // One request of a new client. Whoever gets it answers.
  Outcome ask(const std::string& method = "GET", const std::string& fields = "",
              std::string_view response = kOk) {
    Outcome outcome;
    Peer client = world_->connect();
    world_->send(client, method + " /a HTTP/1.1\r\nHost: a.test\r\n" + fields + "\r\n");
    world_->settle();
    for (std::size_t i = 0; i < count_; ++i) {
      Peer target = world_->target(i).take();
      if (!target) continue;
      EXPECT_EQ(outcome.target, kNobody) << "two targets got one request";
      outcome.target = i;
      EXPECT_TRUE(target.read().starts_with(method + " /a "));
      world_->send(target, response);
      world_->settle();
    }
    MessageReader reader(MessageReader::Kind::Response);
    reader.start(method);
    reader.add(client.read());
    EXPECT_TRUE(reader.complete()) << reader.why();
    outcome.answer = reader.message();
    client.close();
    world_->settle();
    return outcome;
  }

  std::set<std::size_t> who_gets(int requests, const std::string& method = "GET",
                                 const std::string& fields = "") {
    std::set<std::size_t> targets;
    for (int i = 0; i < requests; ++i) targets.insert(ask(method, fields).target);
    return targets;
  }

  std::uint64_t seed_ = 1;
  bool secure_ = false;
  std::size_t count_ = 0;
  std::vector<std::shared_ptr<route::TargetHealth>> health_;
  std::unique_ptr<World> world_;
};

using Targets = std::set<std::size_t>;

// ---- Health.

TEST_F(ChoiceSim, a_target_that_is_down_gets_nothing) {
  make({Pool::Writers, Pool::Writers, Pool::Writers});
  health_[1]->set_up(false);
  EXPECT_EQ(who_gets(40), (Targets{0, 2}));
  health_[1]->set_up(true);
  EXPECT_EQ(who_gets(40), (Targets{0, 1, 2}));
}

TEST_F(ChoiceSim, where_all_targets_are_down_the_client_hears_of_it) {
  for (const std::size_t count : {1U, 2U}) {
    make(std::vector<Pool>(count, Pool::Writers));
    for (const auto& health : health_) health->set_up(false);
    const Outcome outcome = ask();
    EXPECT_EQ(outcome.target, kNobody);
    EXPECT_EQ(outcome.answer.status(), 503);
    EXPECT_NE(outcome.answer.field("proxy-status").find("no_healthy_target"), std::string::npos);
  }
}

TEST_F(ChoiceSim, a_retry_without_another_target_passes_the_first_answer_on) {
  make({Pool::Writers, Pool::Readers}, [](route::Service& service) {
    service.retry_on = route::kRetry503;
    service.balance = route::Balance::First;
  });
  const std::string refusal =
      "HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\nX-From: target\r\n\r\n";
  const Outcome outcome = ask("DELETE", "", refusal);
  EXPECT_EQ(outcome.answer.field("x-from"), "target");
}

// ---- Outliers.

std::string logged;

class OutlierSim : public ChoiceSim {
 protected:
  OutlierSim() {
    logged.clear();
    base::log::set_sink([](std::string_view line) { logged += line; });
  }
  ~OutlierSim() override { base::log::set_sink(nullptr); }

  void make_pair() {
    make({Pool::Writers, Pool::Writers}, [](route::Service& service) {
      service.balance = route::Balance::First;
      service.outlier = {.errors = 3, .window = 10 * base::kSecond, .eject = 10 * base::kSecond};
    });
  }
};

TEST_F(OutlierSim, a_target_that_fails_so_often_is_left_alone_and_comes_back) {
  make_pair();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask("GET", "", kBad).target, 0U);
  EXPECT_EQ(who_gets(5), Targets{1});
  EXPECT_NE(logged.find("a target is left alone"), std::string::npos) << logged;
  EXPECT_NE(logged.find("target=10.0.0.1:9000"), std::string::npos) << logged;
  EXPECT_NE(logged.find("for=10000ms"), std::string::npos) << logged;
  EXPECT_NE(logged.find("status 500"), std::string::npos) << logged;

  world_->advance(9 * base::kSecond);
  EXPECT_EQ(ask().target, 1U);
  world_->advance(2 * base::kSecond);
  EXPECT_EQ(ask().target, 0U);
  EXPECT_EQ(health_[0]->totals().failures, 3U);
  EXPECT_EQ(health_[1]->totals().failures, 0U);
}

TEST_F(OutlierSim, a_good_answer_in_between_keeps_it) {
  make_pair();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(ask("GET", "", kBad).target, 0U);
    EXPECT_EQ(ask("GET", "", kBad).target, 0U);
    EXPECT_EQ(ask("GET", "", kOk).target, 0U);
  }
  EXPECT_EQ(logged, "");
}

TEST_F(OutlierSim, failures_to_connect_count_as_well) {
  make_pair();
  world_->kernel().serve(kTargetPort, nullptr);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask().target, 1U);  // by a retry
  EXPECT_EQ(health_[0]->totals().failures, 3U);             // then it is not even tried
  EXPECT_NE(logged.find("why=connection_refused"), std::string::npos) << logged;
}

TEST_F(OutlierSim, the_last_target_is_never_left_alone) {
  make_pair();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask("GET", "", kBad).target, 0U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask("GET", "", kBad).target, 1U);
  EXPECT_TRUE(health_[0]->ejected(world_->worker().now()));
  EXPECT_TRUE(health_[1]->ejected(world_->worker().now()));
  EXPECT_EQ(ask().target, 0U);

  make({Pool::Writers}, [](route::Service& service) {
    service.outlier = {.errors = 1, .window = base::kSecond, .eject = base::kSecond};
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask("GET", "", kBad).target, 0U);
  EXPECT_EQ(health_[0]->totals().failures, 3U);
}

TEST_F(OutlierSim, without_a_wish_for_it_failures_are_only_counted) {
  make({Pool::Writers, Pool::Writers},
       [](route::Service& service) { service.balance = route::Balance::First; });
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask("GET", "", kBad).target, 0U);
  EXPECT_EQ(health_[0]->totals().failures, 20U);
  EXPECT_EQ(logged, "");
}

// ---- Readers and writers.

TEST_F(ChoiceSim, reads_go_to_readers_and_everything_else_to_writers) {
  make({Pool::Writers, Pool::Readers, Pool::Readers});
  EXPECT_EQ(who_gets(20, "GET"), (Targets{1, 2}));
  EXPECT_EQ(who_gets(20, "HEAD"), (Targets{1, 2}));
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"})
    EXPECT_EQ(who_gets(5, method), Targets{0}) << method;
}

TEST_F(ChoiceSim, reads_go_to_writers_where_no_reader_is_up) {
  make({Pool::Writers, Pool::Readers});
  health_[1]->set_up(false);
  EXPECT_EQ(ask().target, 0U);
}

TEST_F(ChoiceSim, writes_never_go_to_readers) {
  make({Pool::Writers, Pool::Readers});
  health_[0]->set_up(false);
  EXPECT_EQ(ask("POST", "Content-Length: 0\r\n").answer.status(), 503);
  EXPECT_EQ(ask().target, 1U);
}

TEST_F(ChoiceSim, after_a_write_a_client_reads_from_writers) {
  make({Pool::Writers, Pool::Readers});
  const Outcome write = ask("POST", "Content-Length: 0\r\n");
  const std::string cookie = write.cookie("engine-writer");
  EXPECT_TRUE(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=2")) << cookie;

  const std::string fields = "Cookie: a=b; engine-writer=" + value_of(cookie) + "\r\n";
  const Outcome read = ask("GET", fields);
  EXPECT_EQ(read.target, 0U);
  EXPECT_EQ(read.cookie("engine-writer"), "");
}

TEST_F(ChoiceSim, a_cookie_of_another_time_keeps_nobody_from_readers) {
  make({Pool::Writers, Pool::Readers});
  const base::Time now = base::wall_now() / base::kMillisecond;
  for (const std::string& value :
       {std::to_string(now - 1), std::to_string(now + 60'000), std::string("9223372036854775807"),
        std::string("99999999999999999999"), std::string("-1"), std::string("x"), std::string(),
        std::to_string(now + 1000) + "x"}) {
    EXPECT_EQ(ask("GET", "Cookie: engine-writer=" + value + "\r\n").target, 1U) << value;
  }
}

TEST_F(ChoiceSim, a_target_may_say_that_its_answer_was_no_write) {
  make({Pool::Writers, Pool::Readers});
  const auto answer = [](const std::string& wish) {
    return "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Writer-Affinity: " + wish +
           "\r\nContent-Length: 0\r\n\r\n";
  };
  const Outcome no = ask("POST", "Content-Length: 0\r\n", answer("false"));
  EXPECT_EQ(no.cookie("engine-writer"), "");
  EXPECT_FALSE(no.answer.has("x-writer-affinity"));
  const Outcome yes = ask("POST", "Content-Length: 0\r\n", answer("true"));
  EXPECT_NE(yes.cookie("engine-writer"), "");
  EXPECT_FALSE(yes.answer.has("x-writer-affinity"));
}

TEST_F(ChoiceSim, without_readers_a_write_leaves_no_cookie) {
  make({Pool::Writers, Pool::Writers});
  EXPECT_FALSE(ask("POST", "Content-Length: 0\r\n").answer.has("set-cookie"));
}

TEST_F(ChoiceSim, websockets_go_to_writers_unless_readers_take_them) {
  const std::string fields = "Connection: Upgrade\r\nUpgrade: sim\r\n";
  make({Pool::Writers, Pool::Readers});
  EXPECT_EQ(ask("GET", fields).target, 0U);
  make({Pool::Writers, Pool::Readers},
       [](route::Service& service) { service.read_split.takes_websockets = true; });
  EXPECT_EQ(ask("GET", fields).target, 1U);
}

// ---- Sticky clients.

class StickySim : public ChoiceSim {
 protected:
  void make_sticky(std::vector<Pool> pools, base::Time ttl = 0) {
    make(std::move(pools),
         [ttl](route::Service& service) { service.sticky = {.cookie = "lb", .ttl = ttl}; });
  }
  std::string bring(const Outcome& outcome) {
    return "Cookie: lb=" + value_of(outcome.cookie("lb")) + "\r\n";
  }
};

TEST_F(StickySim, a_client_stays_with_its_target) {
  make_sticky({Pool::Writers, Pool::Writers, Pool::Writers});
  std::set<std::size_t> targets;
  for (int i = 0; i < 20; ++i) {
    const Outcome first = ask();
    targets.insert(first.target);
    const std::string cookie = first.cookie("lb");
    EXPECT_TRUE(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax")) << cookie;
    EXPECT_EQ(value_of(cookie).size(), 16U);
    for (int n = 0; n < 5; ++n) {
      const Outcome next = ask("POST", bring(first) + "Content-Length: 0\r\n");
      ASSERT_EQ(next.target, first.target);
      EXPECT_EQ(next.cookie("lb"), "");
    }
  }
  EXPECT_EQ(targets.size(), 3U);
}

TEST_F(StickySim, a_client_whose_target_is_down_gets_another_and_stays_there) {
  make_sticky({Pool::Writers, Pool::Writers});
  const Outcome first = ask();
  health_[first.target]->set_up(false);
  const Outcome moved = ask("GET", bring(first));
  EXPECT_EQ(moved.target, 1 - first.target);
  EXPECT_NE(moved.cookie("lb"), "");
  health_[first.target]->set_up(true);
  EXPECT_EQ(ask("GET", bring(moved)).target, moved.target);
}

TEST_F(StickySim, a_target_that_does_not_answer_loses_the_client_to_the_one_that_does) {
  make_sticky({Pool::Writers, Pool::Writers});
  const Outcome first = ask();
  world_->kernel().serve(static_cast<std::uint16_t>(kTargetPort + first.target), nullptr);
  const Outcome moved = ask("GET", bring(first));
  EXPECT_EQ(moved.target, 1 - first.target);
  EXPECT_NE(moved.cookie("lb"), "");
}

TEST_F(StickySim, a_value_that_nobody_gave_out_is_replaced) {
  make_sticky({Pool::Writers, Pool::Writers});
  for (const char* value : {"", "x", "0123456789abcdef", "0123456789abcdef0", "+123456789abcdef"})
    EXPECT_NE(ask("GET", std::string("Cookie: lb=") + value + "\r\n").cookie("lb"), "") << value;
}

TEST_F(StickySim, a_reader_named_by_the_cookie_gets_no_writes) {
  make_sticky({Pool::Writers, Pool::Readers});
  const Outcome read = ask();
  ASSERT_EQ(read.target, 1U);
  EXPECT_EQ(ask("POST", bring(read) + "Content-Length: 0\r\n").target, 0U);
}

TEST_F(StickySim, one_target_alone_tells_its_clients_already) {
  make_sticky({Pool::Writers});
  const Outcome first = ask();
  EXPECT_NE(first.cookie("lb"), "");
  EXPECT_EQ(ask("GET", bring(first)).cookie("lb"), "");
}

TEST_F(StickySim, the_cookie_lasts_as_long_as_wished_and_is_secure_over_tls) {
  make_sticky({Pool::Writers}, 1500 * base::kMillisecond);
  EXPECT_TRUE(ask().cookie("lb").ends_with("; SameSite=Lax; Max-Age=2"));
  secure_ = true;
  make_sticky({Pool::Writers}, base::kSecond);
  EXPECT_TRUE(ask().cookie("lb").ends_with("; SameSite=Lax; Max-Age=1; Secure"));
}

TEST_F(StickySim, a_tunnel_brings_the_cookie_too) {
  make_sticky({Pool::Writers});
  const Outcome outcome =
      ask("GET", "Connection: Upgrade\r\nUpgrade: sim\r\n",
          "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: sim\r\n\r\n");
  EXPECT_EQ(outcome.answer.status(), 101);
  EXPECT_NE(outcome.cookie("lb"), "");
}

TEST_F(ChoiceSim, the_hash_of_a_cookie_chooses_the_target) {
  make({Pool::Writers, Pool::Writers, Pool::Writers}, [](route::Service& service) {
    service.balance = route::Balance::HashCookie;
    service.hash_name = "session";
  });
  std::set<std::size_t> targets;
  for (int user = 0; user < 20; ++user) {
    const std::string fields = "Cookie: a=" + std::to_string(user % 3) +
                               "\r\nCookie: session=" + std::to_string(user) + "\r\n";
    const Targets chosen = who_gets(3, "GET", fields);
    EXPECT_EQ(chosen.size(), 1U);
    targets.insert(chosen.begin(), chosen.end());
  }
  EXPECT_EQ(targets.size(), 3U);
  EXPECT_EQ(who_gets(60, "GET", "Cookie: session=\r\n").size(), 3U);
}

// ---- Rollouts.

class RolloutSim : public ChoiceSim {
 protected:
  void make_rollout(std::vector<Pool> pools, std::uint32_t split_point,
                    std::vector<std::string> allow_list = {}) {
    make(std::move(pools), [=](route::Service& service) {
      service.rolls_out = true;
      service.rollout = {.cookie = "user", .split_point = split_point, .allow_list = allow_list};
    });
  }
  std::size_t target_of(const std::string& user, const std::string& method = "GET") {
    return ask(method, "Cookie: user=" + user + "\r\n").target;
  }
};

TEST_F(RolloutSim, a_share_of_the_clients_gets_the_new_targets_and_stays_there) {
  make_rollout({Pool::Writers, Pool::NewWriters}, UINT32_MAX / 4);
  int moved = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string user = "user-" + std::to_string(i);
    const std::size_t target = target_of(user);
    moved += target == 1 ? 1 : 0;
    if (i % 10 == 0) {
      EXPECT_EQ(target_of(user, "DELETE"), target);
    }
  }
  EXPECT_NEAR(moved, 75, 25);
}

TEST_F(RolloutSim, those_on_the_list_get_the_new_targets_and_those_without_a_cookie_never) {
  make_rollout({Pool::Writers, Pool::NewWriters}, 0, {"anna", "zoe"});
  EXPECT_EQ(target_of("anna"), 1U);
  EXPECT_EQ(target_of("zoe"), 1U);
  EXPECT_EQ(target_of("bob"), 0U);
  make_rollout({Pool::Writers, Pool::NewWriters}, UINT32_MAX);
  EXPECT_EQ(who_gets(10), Targets{0});
}

TEST_F(RolloutSim, until_it_begins_the_new_targets_get_nothing) {
  make({Pool::Writers, Pool::NewWriters}, [](route::Service& service) {
    service.rollout = {.cookie = "user", .split_point = UINT32_MAX, .allow_list = {}};
  });
  EXPECT_EQ(who_gets(10, "GET", "Cookie: user=x\r\n"), Targets{0});
}

TEST_F(RolloutSim, new_readers_take_its_reads_and_new_writers_stand_in_for_them) {
  make_rollout({Pool::Writers, Pool::Readers, Pool::NewWriters, Pool::NewReaders}, UINT32_MAX);
  EXPECT_EQ(target_of("x"), 3U);
  const Outcome write = ask("POST", "Cookie: user=x\r\nContent-Length: 0\r\n");
  EXPECT_EQ(write.target, 2U);
  EXPECT_NE(write.cookie("engine-writer"), "");
  health_[3]->set_up(false);
  EXPECT_EQ(target_of("x"), 2U);
  health_[2]->set_up(false);
  EXPECT_EQ(ask("GET", "Cookie: user=x\r\n").answer.status(), 503);
  EXPECT_EQ(ask("GET").target, 1U);
}

}  // namespace
}  // namespace sim
