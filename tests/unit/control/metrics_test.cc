// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/metrics.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace engine::control {
namespace {

// Everything that render_metrics() reads, of two workers.
class MetricsTest : public testing::Test {
 protected:
  struct Worker {
    route::Counters counters;
    route::SiteCounters unrouted;
    io::RingStats ring;
  };

  MetricsTest() {
    for (const Worker& worker : workers_)
      input_.workers.push_back({&worker.counters, &worker.unrouted, &worker.ring});
    input_.snapshot = &snapshot_;
  }

  route::Service& add_site(const std::string& name, const std::string& service = "") {
    auto made = std::make_shared<route::Service>();
    made->site = name;
    made->name = service.empty() ? name : service;
    made->metrics = std::make_shared<route::SiteMetrics>(workers_.size());
    snapshot_.services.push_back(made);
    return *made;
  }

  void add_target(route::Service& service, const std::string& host) {
    service.targets.push_back(
        {.target = std::make_shared<route::Target>(route::TargetKind::Tcp, host, std::uint16_t{80}),
         .health = std::make_shared<route::TargetHealth>(2)});
    service.targets.back().target_index = static_cast<std::uint32_t>(snapshot_.connections.size());
    snapshot_.connections.push_back(std::make_shared<route::TargetConnections>(2));
  }

  // The samples of one metric, without its comments.
  [[nodiscard]] std::vector<std::string> samples(const std::string& metric) const {
    std::vector<std::string> found;
    const std::string text = render_metrics(input_);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      const std::string line = text.substr(at, end - at);
      if (line.starts_with(metric + "{") || line.starts_with(metric + " ")) found.push_back(line);
      at = end + 1;
    }
    return found;
  }
  using Lines = std::vector<std::string>;

  std::array<Worker, 2> workers_;
  route::Snapshot snapshot_;
  MetricsInput input_;
};

TEST_F(MetricsTest, a_request_is_counted_over_all_workers_and_only_what_happened_is_shown) {
  const auto& metrics = add_site("a.test").metrics;
  for (const std::size_t worker : {0U, 1U})
    metrics->of(worker).count_request(http::Method::Get, route::Protocol::Http11, 200);
  metrics->of(1).count_request(http::Method::Other, route::Protocol::Http2, 418);

  EXPECT_EQ(
      samples("engine_http_requests_total"),
      (Lines{
          R"(engine_http_requests_total{site="a.test",method="GET",status_class="2xx",proto="http/1.1"} 2)",
          R"(engine_http_requests_total{site="a.test",method="OTHER",status_class="4xx",proto="h2"} 1)"}));
  EXPECT_EQ(samples("engine_http_responses_total"),
            (Lines{R"(engine_http_responses_total{site="a.test",status="200"} 2)",
                   R"(engine_http_responses_total{site="a.test",status="418"} 1)"}));
}

TEST_F(MetricsTest, what_no_site_took_has_an_empty_site) {
  workers_[0].unrouted.count_request(http::Method::Get, route::Protocol::Http11, 404);
  EXPECT_EQ(samples("engine_http_responses_total"),
            (Lines{R"(engine_http_responses_total{site="",status="404"} 1)"}));
}

TEST_F(MetricsTest, a_site_that_nobody_used_is_not_shown) {
  static_cast<void>(add_site("a.test").metrics->of(1));
  add_site("b.test");
  EXPECT_EQ(samples("engine_retries_total"), (Lines{R"(engine_retries_total{site=""} 0)",
                                                    R"(engine_retries_total{site="a.test"} 0)"}));
}

TEST_F(MetricsTest, errors_of_one_name_are_one_sample) {
  auto& errors = add_site("a.test").metrics->of(0).errors;
  ++errors[static_cast<std::size_t>(base::Cause::ResponseTimeout)];
  ++errors[static_cast<std::size_t>(base::Cause::TotalTimeout)];
  ++workers_[0].counters.refusals[static_cast<std::size_t>(base::Cause::BadRequest)];
  ++workers_[1].counters.refusals[static_cast<std::size_t>(base::Cause::HeadTooLarge)];

  EXPECT_EQ(samples("engine_http_errors_total"),
            (Lines{R"(engine_http_errors_total{site="a.test",error="http_response_timeout"} 2)"}));
  EXPECT_EQ(samples("engine_connection_errors_total"),
            (Lines{R"(engine_connection_errors_total{reason="http_request_error"} 2)"}));
}

TEST_F(MetricsTest, gauges_of_a_site_are_sums_of_what_is_now) {
  const auto& metrics = add_site("a.test").metrics;
  for (const std::size_t worker : {0U, 1U}) {
    ++metrics->of(worker).in_flight;
    ++metrics->of(worker).open(route::OpenStream::WebSocket);
    ++metrics->of(worker).open(route::OpenStream::Grpc);
  }
  --metrics->of(1).open(route::OpenStream::WebSocket);

  EXPECT_EQ(samples("engine_http_requests_in_flight").back(),
            R"(engine_http_requests_in_flight{site="a.test"} 2)");
  const Lines open = samples("engine_streams_open");
  EXPECT_EQ(Lines(open.begin() + 4, open.end()),
            (Lines{R"(engine_streams_open{site="a.test",kind="websocket"} 1)",
                   R"(engine_streams_open{site="a.test",kind="tunnel"} 0)",
                   R"(engine_streams_open{site="a.test",kind="sse"} 0)",
                   R"(engine_streams_open{site="a.test",kind="grpc"} 2)"}));
}

TEST_F(MetricsTest, how_long_targets_took_is_a_sum_over_the_workers) {
  const auto& metrics = add_site("a.test").metrics;
  for (const std::size_t worker : {0U, 1U})
    metrics->of(worker).upstream_duration.record(2 * base::kSecond);

  EXPECT_EQ(samples("engine_upstream_duration_seconds_count").back(),
            R"(engine_upstream_duration_seconds_count{site="a.test"} 2)");
  EXPECT_EQ(samples("engine_upstream_duration_seconds_sum").back(),
            R"(engine_upstream_duration_seconds_sum{site="a.test"} 4)");
}

TEST_F(MetricsTest, requests_past_the_rate_of_their_site_are_told_apart_from_other_errors) {
  const auto& metrics = add_site("a.test").metrics;
  for (const std::size_t worker : {0U, 1U})
    metrics->of(worker).errors[static_cast<std::size_t>(base::Cause::RateLimited)] += 2;
  metrics->of(0).errors[static_cast<std::size_t>(base::Cause::InflightLimit)] += 1;

  EXPECT_EQ(samples("engine_ratelimit_rejected_total").back(),
            R"(engine_ratelimit_rejected_total{site="a.test"} 4)");
}

TEST_F(MetricsTest, of_more_sites_than_are_shown_the_rest_is_one) {
  for (std::size_t i = 0; i < kMetricSitesMax + 2; ++i)
    add_site(std::to_string(i) + ".test").metrics->of(0).retries += 1;

  const Lines lines = samples("engine_retries_total");

  EXPECT_EQ(lines.size(), 1 + kMetricSitesMax + 1);
  EXPECT_EQ(lines.at(kMetricSitesMax), R"(engine_retries_total{site="499.test"} 1)");
  EXPECT_EQ(lines.back(), R"(engine_retries_total{site="other"} 2)");
}

TEST_F(MetricsTest, as_many_sites_as_are_shown_have_no_rest) {
  for (std::size_t i = 0; i < kMetricSitesMax; ++i)
    static_cast<void>(add_site(std::to_string(i) + ".test").metrics->of(0));
  EXPECT_EQ(samples("engine_retries_total").size(), 1 + kMetricSitesMax);
}

TEST_F(MetricsTest, a_site_called_other_is_not_shown_twice) {
  for (std::size_t i = 0; i < kMetricSitesMax + 1; ++i)
    add_site(i == 0 ? "other" : std::to_string(i)).metrics->of(0).retries += 1;

  const Lines lines = samples("engine_retries_total");
  EXPECT_EQ(lines.size(), 1 + kMetricSitesMax);
  EXPECT_EQ(lines.at(1), R"(engine_retries_total{site="other"} 2)");
}

TEST_F(MetricsTest, a_targets_requests_are_told_apart_by_how_they_ended) {
  route::Service& service = add_site("a.test", "shop");
  add_target(service, "10.0.0.1");
  route::TargetHealth& health = *service.targets[0].health;
  health.tally(0).results[0] += 2;
  health.tally(1).results[0] += 3;
  ++health.tally(1).retried;
  ++health.tally(0).results[static_cast<std::size_t>(base::Cause::ConnectionRefused)];

  EXPECT_EQ(
      samples("engine_upstream_requests_total"),
      (Lines{
          R"(engine_upstream_requests_total{site="shop",target="10.0.0.1:80",result="ok"} 5)",
          R"(engine_upstream_requests_total{site="shop",target="10.0.0.1:80",result="retry"} 1)",
          R"(engine_upstream_requests_total{site="shop",target="10.0.0.1:80",result="connection_refused"} 1)"}));
}

TEST_F(MetricsTest, a_target_that_two_sites_of_a_service_share_is_shown_once) {
  add_target(add_site("a.test", "shop"), "10.0.0.1");
  add_site("b.test", "shop").targets = snapshot_.services[0]->targets;
  EXPECT_EQ(samples("engine_upstream_up"),
            (Lines{R"(engine_upstream_up{site="shop",target="10.0.0.1:80"} 1)"}));
}

TEST_F(MetricsTest, connections_to_a_target_are_those_in_use_and_those_that_wait) {
  add_target(add_site("a.test", "shop"), "10.0.0.1");
  route::TargetConnections& connections = *snapshot_.connections[0];
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(connections.places().take(0));
  connections.set_spare(0, 1, false);
  connections.set_spare(1, 2, false);

  EXPECT_EQ(
      samples("engine_upstream_connections"),
      (Lines{R"(engine_upstream_connections{site="shop",target="10.0.0.1:80",state="active"} 2)",
             R"(engine_upstream_connections{site="shop",target="10.0.0.1:80",state="idle"} 3)"}));
}

TEST_F(MetricsTest, a_target_is_not_up_while_its_probes_fail_or_it_is_left_alone) {
  route::Service& service = add_site("a.test");
  for (const char* host : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) add_target(service, host);
  service.targets[1].health->set_up(false);
  input_.now = 100;
  service.targets[2].health->note_failure(input_.now, {.errors = 1, .window = 10, .eject = 10});

  const Lines lines = samples("engine_upstream_up");
  EXPECT_TRUE(lines.at(0).ends_with("} 1"));
  EXPECT_TRUE(lines.at(1).ends_with("} 0"));
  EXPECT_TRUE(lines.at(2).ends_with("} 0"));
  input_.now = 200;
  EXPECT_TRUE(samples("engine_upstream_up").at(2).ends_with("} 1"));
}

TEST_F(MetricsTest, connections_and_handshakes_are_sums_over_the_workers) {
  for (Worker& worker : workers_) {
    worker.counters.connections += 5;
    ++worker.counters.connections_open;
    ++worker.counters.tls_handshakes[1][1];
  }
  ++workers_[0].counters.refusals[static_cast<std::size_t>(base::Cause::TlsFailed)];

  EXPECT_EQ(samples("engine_connections_total"), (Lines{"engine_connections_total 10"}));
  EXPECT_EQ(samples("engine_connections_open"), (Lines{"engine_connections_open 2"}));
  const Lines handshakes = samples("engine_tls_handshakes_total");
  EXPECT_EQ(handshakes.at(3),
            R"(engine_tls_handshakes_total{version="1.3",resumed="true",result="ok"} 2)");
  EXPECT_EQ(handshakes.at(4),
            R"(engine_tls_handshakes_total{version="",resumed="",result="error"} 1)");
}

TEST_F(MetricsTest, rings_and_turns_are_shown_for_each_worker) {
  workers_[0].ring.enters += 3;
  workers_[1].ring.enters += 4;
  ++workers_[1].ring.cq_overflows;
  workers_[1].counters.tick_time.record(1);

  EXPECT_EQ(samples("engine_uring_enters_total"),
            (Lines{R"(engine_uring_enters_total{worker="0"} 3)",
                   R"(engine_uring_enters_total{worker="1"} 4)"}));
  EXPECT_EQ(samples("engine_uring_cq_overflow_total").at(1),
            R"(engine_uring_cq_overflow_total{worker="1"} 1)");
  EXPECT_EQ(samples("engine_loop_lag_seconds_count"),
            (Lines{R"(engine_loop_lag_seconds_count{worker="0"} 0)",
                   R"(engine_loop_lag_seconds_count{worker="1"} 1)"}));
}

TEST_F(MetricsTest, what_control_knows_is_shown_as_it_was_given) {
  snapshot_.generation = 7;
  input_.build = {.version = "0.1.0", .commit = "abc", .tls = "wolfSSL", .io = "io_uring"};
  input_.reloads = {.succeeded = 2, .failed = 1, .last_succeeded = false, .last_seconds = 1.5};
  input_.deploys = {{.service = "shop", .result = "ok", .count = 2, .seconds = 3.5}};
  input_.certificates = {{.host = "*.test", .not_after_seconds = 1800000000}};

  EXPECT_EQ(samples("engine_build_info").at(0),
            R"(engine_build_info{version="0.1.0",commit="abc",tls="wolfSSL",io="io_uring"} 1)");
  EXPECT_EQ(samples("engine_config_reloads_total").at(1),
            R"(engine_config_reloads_total{result="error"} 1)");
  EXPECT_EQ(samples("engine_config_last_reload_successful").at(0),
            "engine_config_last_reload_successful 0");
  EXPECT_EQ(samples("engine_config_generation").at(0), "engine_config_generation 7");
  EXPECT_EQ(samples("engine_deploys_total").at(0),
            R"(engine_deploys_total{service="shop",result="ok"} 2)");
  EXPECT_EQ(samples("engine_deploy_duration_seconds_sum").at(0),
            R"(engine_deploy_duration_seconds_sum{service="shop",result="ok"} 3.5)");
  EXPECT_EQ(samples("engine_tls_cert_not_after_seconds").at(0),
            R"(engine_tls_cert_not_after_seconds{host="*.test"} 1800000000)");
}

TEST_F(MetricsTest, every_sample_belongs_to_the_family_above_it_and_none_is_there_twice) {
  add_target(add_site("a.test"), "10.0.0.1");
  snapshot_.services[0]->metrics->of(0).count_request(http::Method::Get, route::Protocol::Http2,
                                                      200);
  std::set<std::string> families, seen;
  std::string family;
  const std::string text = render_metrics(input_);
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    const std::string line = text.substr(at, text.find('\n', at) - at);
    if (line.starts_with("# HELP ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(families.insert(family).second) << family;
    } else if (!line.starts_with("#")) {
      EXPECT_TRUE(line.starts_with(family)) << line;
      EXPECT_TRUE(seen.insert(line.substr(0, line.rfind(' '))).second) << line;
    }
  }
}

}  // namespace
}  // namespace engine::control
