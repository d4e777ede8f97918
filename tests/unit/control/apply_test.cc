// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/apply.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/control/service_of.h"

namespace engine::control {
namespace {

namespace fs = std::filesystem;
using Kind = config::Target::Kind;

config::Target target(Kind kind, std::string host, std::uint16_t port) {
  config::Target made;
  made.kind = kind;
  made.host = std::move(host);
  made.port = port;
  return made;
}
config::Target port(std::uint16_t number) { return target(Kind::LoopbackPort, "", number); }

config::Site site(const std::string& host, std::vector<config::Target> targets) {
  config::Site made;
  made.key = made.service = made.host = host;
  made.targets = std::move(targets);
  return made;
}

config::Config sites(std::vector<config::Site> list) {
  config::Config made;
  made.sites = std::move(list);
  return made;
}

class ApplyTest : public testing::Test {
 protected:
  std::unique_ptr<route::Snapshot> build(const config::Config& config,
                                         const route::Snapshot* previous = nullptr) {
    return apply_.build(config, previous, {}, {}, diagnostics_);
  }

  std::shared_ptr<const route::Addresses> dns_ = std::make_shared<const route::Addresses>(
      route::Addresses{.list = {}, .failure = "web-1: not resolved yet"});
  Apply apply_{{.worker_count = 1,
                .addresses_of = [this](const route::Target&) { return dns_; },
                .tls_of = {},
                .client_ca_of = {},
                .amend = {}}};
  std::vector<config::Diagnostic> diagnostics_;
};

TEST_F(ApplyTest, the_same_configuration_keeps_every_object) {
  const config::Config config =
      sites({site("a.test", {port(1)}), site("b.test", {port(2), port(3)})});
  const auto first = build(config);

  const auto second = build(config, first.get());

  EXPECT_EQ(first->table, second->table);
  EXPECT_EQ(first->services, second->services);
  EXPECT_EQ(first->targets, second->targets);
  EXPECT_EQ(first->addresses, second->addresses);
  EXPECT_EQ(first->trust, second->trust);
  EXPECT_EQ(first->service_index_of, second->service_index_of);
  EXPECT_EQ(first->target_index_of, second->target_index_of);
}

TEST_F(ApplyTest, a_changed_site_gets_a_new_service_and_the_others_keep_theirs) {
  const auto first = build(sites({site("a.test", {port(1)}), site("b.test", {port(2)})}));

  const auto second =
      build(sites({site("a.test", {port(1)}), site("b.test", {port(9)})}), first.get());

  EXPECT_EQ(first->table, second->table);
  EXPECT_EQ(first->services[0], second->services[0]);
  EXPECT_NE(first->services[1], second->services[1]);
}

TEST_F(ApplyTest, a_changed_site_goes_on_counting_its_requests) {
  config::Site changed = site("a.test", {port(1)});
  const auto first = build(sites({changed}));

  changed.policy.limit.inflight = 7;
  const auto second = build(sites({changed}), first.get());

  ASSERT_NE(first->services[0], second->services[0]);
  EXPECT_EQ(first->services[0]->inflight, second->services[0]->inflight);
  EXPECT_EQ(first->services[0]->metrics, second->services[0]->metrics);
}

TEST_F(ApplyTest, a_rate_becomes_an_interval_and_a_burst) {
  config::Site limited = site("a.test", {port(1)});
  limited.policy.limit.rate = {300, config::Milliseconds(60'000)};
  limited.policy.limit.by = {config::LimitBy::Kind::Cookie, "id"};
  const auto snapshot = build(sites({limited, site("b.test", {port(1)})}));

  const route::Service& service = *snapshot->services[0];
  ASSERT_NE(service.rate_limit, nullptr);
  EXPECT_EQ(service.rate_limit->rate(), (route::Rate{.interval = base::kSecond / 5, .burst = 5}));
  EXPECT_EQ(service.rate_by, route::RateBy::Cookie);
  EXPECT_EQ(service.rate_name, "id");
  EXPECT_EQ(snapshot->services[1]->rate_limit, nullptr);
}

TEST_F(ApplyTest, a_changed_site_goes_on_with_its_rate_unless_that_changed) {
  config::Site changed = site("a.test", {port(1)});
  changed.policy.limit.rate.count = 10;
  const auto first = build(sites({changed}));

  changed.policy.limit.inflight = 7;
  changed.policy.limit.by.kind = config::LimitBy::Kind::All;
  const auto second = build(sites({changed}), first.get());
  changed.policy.limit.burst = 20;
  const auto third = build(sites({changed}), second.get());
  changed.policy.limit.rate.count = 0;
  const auto fourth = build(sites({changed}), third.get());

  ASSERT_NE(first->services[0], second->services[0]);
  EXPECT_EQ(first->services[0]->rate_limit, second->services[0]->rate_limit);
  EXPECT_NE(second->services[0]->rate_limit, third->services[0]->rate_limit);
  EXPECT_EQ(third->services[0]->rate_limit->rate().burst, 20U);
  EXPECT_EQ(fourth->services[0]->rate_limit, nullptr);
}

TEST_F(ApplyTest, every_site_has_metrics_of_its_own) {
  const auto snapshot = build(sites({site("a.test", {port(1)}), site("b.test", {port(1)})}));

  ASSERT_NE(snapshot->services[0]->metrics, nullptr);
  EXPECT_NE(snapshot->services[0]->metrics, snapshot->services[1]->metrics);
}

TEST_F(ApplyTest, a_target_keeps_its_index_when_sites_before_it_come_and_go) {
  const auto first = build(sites({site("a.test", {port(1)}), site("b.test", {port(2)})}));

  const auto second = build(sites({site("b.test", {port(2)})}), first.get());
  const auto third =
      build(sites({site("c.test", {port(3)}), site("b.test", {port(2)})}), second.get());

  EXPECT_EQ(third->services[1], first->services[1]);
  EXPECT_EQ(third->targets[third->services[1]->targets[0].target_index]->key(), "localhost:2");
  EXPECT_EQ(third->targets[third->services[0]->targets[0].target_index]->key(), "localhost:3");
}

TEST_F(ApplyTest, a_target_that_went_away_stays_at_its_index_but_is_not_in_use) {
  const auto first = build(sites({site("a.test", {port(1)}), site("b.test", {port(2)})}));

  const auto second = build(sites({site("b.test", {port(2)})}), first.get());

  EXPECT_EQ(second->targets[0], first->targets[0]);
  EXPECT_FALSE(second->target_index_of.contains(first->targets[0].get()));
  EXPECT_EQ(targets_in_use(*second).size(), 1U);
}

TEST_F(ApplyTest, targets_that_went_away_do_not_gather_without_end) {
  auto snapshot = build(sites({site("a.test", {port(1)})}));

  for (std::uint16_t i = 2; i < 1300; ++i)
    snapshot = build(sites({site("a.test", {port(i)})}), snapshot.get());

  EXPECT_LE(snapshot->targets.size(), 1100U);
  EXPECT_EQ(snapshot->targets[snapshot->services[0]->targets[0].target_index]->key(),
            "localhost:1299");
}

TEST_F(ApplyTest, one_target_of_two_sites_is_one_object) {
  const auto snapshot = build(sites({site("a.test", {port(1)}), site("b.test", {port(1)})}));

  EXPECT_EQ(snapshot->targets.size(), 1U);
  EXPECT_EQ(snapshot->services[0]->targets[0].target, snapshot->services[1]->targets[0].target);
}

TEST_F(ApplyTest, a_target_of_weight_zero_gets_no_requests) {
  config::Target idle = port(1);
  idle.weight = 0;

  const auto snapshot = build(sites({site("a.test", {idle, port(2)})}));

  ASSERT_EQ(snapshot->services[0]->targets.size(), 1U);
  EXPECT_EQ(snapshot->services[0]->targets[0].target->port(), 2);
}

TEST_F(ApplyTest, redirects_and_fixed_answers_have_no_targets) {
  config::Target redirect = target(Kind::Redirect, "", 0);
  redirect.text = "https://b.test{uri}";
  config::Target status = target(Kind::Status, "", 0);
  status.status = 410;

  const auto snapshot = build(sites({site("a.test", {redirect}), site("b.test", {status})}));

  EXPECT_EQ(snapshot->services[0]->answer, route::Answer::Redirect);
  EXPECT_EQ(snapshot->services[0]->text, "https://b.test{uri}");
  EXPECT_EQ(snapshot->services[1]->answer, route::Answer::Status);
  EXPECT_EQ(snapshot->services[1]->status, 410);
  EXPECT_TRUE(snapshot->targets.empty());
}

TEST_F(ApplyTest, a_refresh_without_new_addresses_makes_no_snapshot) {
  const auto first = build(sites({site("a.test", {target(Kind::Tcp, "web-1", 80)})}));

  EXPECT_EQ(apply_.refresh(*first), nullptr);
}

TEST_F(ApplyTest, a_refresh_changes_the_addresses_of_named_targets_only) {
  const auto first = build(sites({site("a.test", {target(Kind::Tcp, "web-1", 80), port(1)})}));
  dns_ = std::make_shared<const route::Addresses>();

  const auto second = apply_.refresh(*first);

  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->addresses[0], dns_);
  EXPECT_EQ(second->addresses[1], first->addresses[1]);
  EXPECT_EQ(second->services, first->services);
}

TEST_F(ApplyTest, a_site_without_a_path_has_the_prefix_slash) {
  config::Site below = site("a.test", {port(1)});
  below.prefix = "/docs/";

  const auto snapshot = build(sites({site("b.test", {port(1)}), below}));

  EXPECT_EQ(snapshot->table->sites()[0].prefix, "/");
  EXPECT_EQ(snapshot->table->sites()[1].prefix, "/docs/");
}

TEST_F(ApplyTest, durations_become_nanoseconds_and_limits_fit) {
  config::Config config = sites({site("a.test", {port(1)})});
  config.sites[0].policy.timeout.connect = config::Milliseconds(1500);
  config.engine.limits.fields = 100'000;

  const auto snapshot = build(config);

  EXPECT_EQ(snapshot->services[0]->timeouts.connect, 1'500 * base::kMillisecond);
  EXPECT_EQ(snapshot->limits->request_head.field_count, http::HeadStorage::kFieldsMax);
}

TEST_F(ApplyTest, error_pages_are_read_and_what_is_missing_is_a_warning) {
  std::string name = (fs::temp_directory_path() / "pages-test-XXXXXX").string();
  const fs::path directory = ::mkdtemp(name.data());
  std::ofstream(directory / "404.html") << "lost";
  std::ofstream(directory / "5xx.html") << "broken";
  std::ofstream(directory / "notes.txt") << "no page";
  config::Config config = sites({site("a.test", {port(1)}), site("b.test", {port(1)})});
  config.sites[0].policy.errors_directory = directory;
  config.sites[1].policy.errors_directory = directory / "missing";

  const auto snapshot = build(config);
  fs::remove_all(directory);

  EXPECT_EQ(snapshot->services[0]->error_pages, (ErrorPages::Pages{{404, "lost"}, {5, "broken"}}));
  ASSERT_EQ(diagnostics_.size(), 1U);
  EXPECT_EQ(diagnostics_[0].severity, config::Severity::Warning);
}

TEST(PageStatus, only_pages_for_errors_have_one) {
  EXPECT_EQ(page_status("404.html"), 404);
  EXPECT_EQ(page_status("4xx.html"), 4);
  EXPECT_EQ(page_status("5xx.html"), 5);
  for (const char* name : {"200.html", "404.htm", "4040.html", "50x.html", ".html", "404"}) {
    EXPECT_EQ(page_status(name), 0) << name;
  }
}

}  // namespace
}  // namespace engine::control
