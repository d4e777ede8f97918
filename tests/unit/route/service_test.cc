// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/service.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace engine::route {
namespace {

Service sample() {
  Service service;
  service.name = "shop";
  service.origin = "proxy.toml:18";
  service.targets.push_back(
      {.target = std::make_shared<Target>(TargetKind::Tcp, "10.0.0.4", std::uint16_t{80}),
       .target_index = 3,
       .weight = 5});
  service.request_edits.push_back({"X-A", "1"});
  service.response_edits.push_back({"Server", "", http::FieldEdit::Kind::Remove});
  service.error_pages[5] = "<h1>down</h1>";
  return service;
}

TEST(Service, origin_target_numbers_and_running_counts_do_not_matter) {
  Service other = sample();  // with another Target object of the same key
  other.origin = "proxy.toml:99";
  other.targets[0].target_index = 77;
  ASSERT_TRUE(other.inflight->take(0));
  other.rate_limit = std::make_shared<RateLimit>(Rate{.interval = 1, .burst = 1});
  other.metrics = std::make_shared<SiteMetrics>(1);
  EXPECT_TRUE(sample().same_as(other));
}

TEST(Service, everything_else_matters) {
  using Change = std::function<void(Service&)>;
  const std::vector<Change> changes = {
      [](Service& s) { s.name = "x"; },
      [](Service& s) { s.answer = Answer::Status; },
      [](Service& s) { s.status = 410; },
      [](Service& s) { s.text = "gone"; },
      [](Service& s) { s.site = "x"; },
      [](Service& s) { s.targets[0].weight = 6; },
      [](Service& s) { s.targets[0].pool = Pool::Readers; },
      [](Service& s) { s.targets[0].health = std::make_shared<TargetHealth>(1); },
      [](Service& s) { s.read_split.affinity = 1; },
      [](Service& s) { s.rollout.split_point = 1; },
      [](Service& s) { s.rolls_out = true; },
      [](Service& s) { s.sticky.cookie = "lb"; },
      [](Service& s) { s.outlier.errors = 1; },
      [](Service& s) { s.gate.state = Gate::State::Stopped; },
      [](Service& s) { s.health_path = "/up"; },
      [](Service& s) { s.retry_hold = 1; },
      [](Service& s) { s.targets.push_back(s.targets[0]); },
      [](Service& s) { s.targets.clear(); },
      [](Service& s) { s.balance = Balance::First; },
      [](Service& s) { s.hash_name = "x-user"; },
      [](Service& s) { s.timeouts.connect = 1; },
      [](Service& s) { s.timeouts.first_byte = 1; },
      [](Service& s) { s.timeouts.idle = 1; },
      [](Service& s) { s.timeouts.total = 1; },
      [](Service& s) { s.retry_times = 1; },
      [](Service& s) { s.retry_on = kRetry503; },
      [](Service& s) { s.inflight_max = 1; },
      [](Service& s) { s.rate.interval = 1; },
      [](Service& s) { s.rate.burst = 2; },
      [](Service& s) { s.rate_by = RateBy::All; },
      [](Service& s) { s.rate_name = "x-user"; },
      [](Service& s) { s.body_bytes_max = 1; },
      [](Service& s) { s.buffering.requests = true; },
      [](Service& s) { s.buffering.responses = true; },
      [](Service& s) { s.buffering.memory_bytes = 1; },
      [](Service& s) { s.buffering.response_bytes_max = 1; },
      [](Service& s) { s.host_policy = HostPolicy::Upstream; },
      [](Service& s) { s.host_literal = "x"; },
      [](Service& s) { s.strip_prefix = "/x"; },
      [](Service& s) { s.request_edits[0].value = "2"; },
      [](Service& s) { s.request_edits[0].name = "X-B"; },
      [](Service& s) { s.request_edits[0].kind = http::FieldEdit::Kind::Default; },
      [](Service& s) { s.request_edits[0].has_places = true; },
      [](Service& s) { s.canonical_host = "a.test"; },
      [](Service& s) { s.client_ip_header = "X-Client"; },
      [](Service& s) { s.forward_headers = true; },
      [](Service& s) { s.scope_cookies = true; },
      [](Service& s) { s.cors.origins.emplace_back("*"); },
      [](Service& s) { s.cors.methods = "GET"; },
      [](Service& s) { s.cors.headers = "*"; },
      [](Service& s) { s.cors.credentials = true; },
      [](Service& s) { s.cors.max_age = 0; },
      [](Service& s) { s.logged_fields.request.emplace_back("X-A"); },
      [](Service& s) { s.logged_fields.response.emplace_back("X-A"); },
      [](Service& s) { s.uncounted_paths.emplace_back("/up"); },
      [](Service& s) { s.response_edits.clear(); },
      [](Service& s) { s.client_ca[0] = 1; },
      [](Service& s) { s.error_pages[4] = "x"; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Service other = sample();
    changes[i](other);
    EXPECT_FALSE(sample().same_as(other)) << i;
  }
}

TEST(Service, a_target_of_another_key_matters) {
  Service other = sample();
  other.targets[0].target =
      std::make_shared<Target>(TargetKind::Tcp, "10.0.0.5", std::uint16_t{80});
  EXPECT_FALSE(sample().same_as(other));
}

}  // namespace
}  // namespace engine::route
