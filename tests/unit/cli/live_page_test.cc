// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/live_page.h"

#include <gtest/gtest.h>

namespace engine::cli {
namespace {

const std::vector<double> kBounds = {1, 2, 4};

// Readings of one second after each other; counts of requests below 1 s, 2 s, 4 s and above.
const Json kBefore = parse_json(R"({"at_seconds": 10, "duration_bounds": [1, 2, 4], "routes": [
  {"site": "a", "traffic": {"requests": 100, "responses_5xx": 3, "bytes_in": 0, "bytes_out": 1000,
   "in_flight": 9, "streams_open": 0, "durations": [100, 0, 0, 0]}},
  {"site": "idle", "traffic": {"requests": 5, "durations": [5, 0, 0, 0]}}]})");
const Json kAfter = parse_json(R"({"at_seconds": 12, "duration_bounds": [1, 2, 4], "routes": [
  {"site": "a", "traffic": {"requests": 110, "responses_5xx": 4, "bytes_in": 48, "bytes_out": 3000,
   "in_flight": 2, "streams_open": 1, "durations": [100, 10, 0, 0]}},
  {"site": "idle", "traffic": {"requests": 5, "durations": [5, 0, 0, 0]}},
  {"site": "new", "traffic": {"requests": 40, "durations": [40, 0, 0, 0]}}]})");

TEST(Traffic, a_quantile_lies_evenly_within_its_bucket) {
  EXPECT_DOUBLE_EQ(*quantile(kBounds, {10, 0, 0, 0}, 0.5), 0.5);
  EXPECT_DOUBLE_EQ(*quantile(kBounds, {0, 10, 0, 0}, 0.5), 1.5);
  EXPECT_DOUBLE_EQ(*quantile(kBounds, {5, 0, 5, 0}, 0.5), 1);
  EXPECT_DOUBLE_EQ(*quantile(kBounds, {90, 0, 10, 0}, 0.95), 3);
  EXPECT_DOUBLE_EQ(*quantile(kBounds, {0, 0, 0, 1}, 0.5), 4);
  EXPECT_FALSE(quantile(kBounds, {0, 0, 0, 0}, 0.5));
  EXPECT_FALSE(quantile({}, {}, 0.5));
}

TEST(Traffic, rates_come_from_two_readings_and_the_time_between_the_busiest_first) {
  const std::vector<SiteTraffic> sites = traffic_between(kBefore, kAfter);
  ASSERT_EQ(sites.size(), 3U);
  EXPECT_EQ(sites[0].site, "new");
  EXPECT_DOUBLE_EQ(sites[0].requests_per_second, 20);
  EXPECT_EQ(sites[1].site, "a");
  EXPECT_DOUBLE_EQ(sites[1].requests_per_second, 5);
  EXPECT_DOUBLE_EQ(sites[1].errors_percent, 10);
  EXPECT_DOUBLE_EQ(sites[1].bytes_per_second, 1024);
  EXPECT_DOUBLE_EQ(*sites[1].p50, 1.5);
  EXPECT_DOUBLE_EQ(*sites[1].p95, 1.95);
  EXPECT_EQ(sites[1].in_flight, 2);
  EXPECT_EQ(sites[2].site, "idle");
  EXPECT_FALSE(sites[2].p50);
}

TEST(Traffic, an_engine_that_was_replaced_in_between_counts_from_0) {
  for (const SiteTraffic& site : traffic_between(kAfter, kBefore)) {
    EXPECT_GE(site.requests_per_second, 0) << site.site;
    EXPECT_FALSE(site.p95) << site.site;
  }
}

TEST(LivePage, sites_are_shown_with_their_traffic) {
  const auto sites = traffic_between(kBefore, kAfter);
  EXPECT_EQ(traffic_table(sites).render(0),
            "SITE  REQ/S  5XX     IN FLIGHT  P50    P95    BYTES/S  STREAMS\n"
            "new   20.0   0.0 %   0          500ms  950ms  0 B      0\n"
            "a     5.0    10.0 %  2          1.5s   1.9s   1.0 KiB  1\n"
            "idle  0.0    0.0 %   0          -      -      0 B      0\n");
  EXPECT_EQ(traffic_json(sites)["sites"][1]["requests_per_second"], 5.0);
  EXPECT_TRUE(traffic_json(sites)["sites"][2]["p50_seconds"].is_null());
}

TEST(LivePage, watched_routes_have_rates_from_the_second_page_on) {
  EXPECT_TRUE(watched_routes_table(Json(), kAfter).render(0).contains("REQ/S  P95\n"));
  const std::string page = watched_routes_table(kBefore, kAfter).render(0);
  EXPECT_TRUE(page.contains("  5.0    1.9s\n")) << page;
}

TEST(LivePage, a_connection_is_a_row) {
  const Json answer = parse_json(R"({"connections": [
    {"id": "0-1f", "worker": 0, "client": "192.0.2.7:5555", "listener": ":443", "protocol": "h2",
     "state": "active", "tls": {"version": "1.3", "alpn": "h2", "server_name": "a.test"},
     "age_seconds": 200.5, "idle_seconds": 0.2, "requests": 7, "streams": 2, "site": "a.test",
     "target": "b:1", "bytes_in": 5, "bytes_out": 2048}], "truncated": false})");
  EXPECT_EQ(connections_table(answer).render(0),
            "ID    CLIENT          LISTENER  PROTOCOL    STATE   AGE    IDLE  REQUESTS  SITE    "
            "TARGET  IN   OUT\n"
            "0-1f  192.0.2.7:5555  :443      h2 tls 1.3  active  3 min  0 s   7         a.test  "
            "b:1     5 B  2.0 KiB\n");
  EXPECT_EQ(connections_remark(answer), "");
  EXPECT_FALSE(connections_remark(parse_json(R"({"truncated": true})")).empty());
  EXPECT_EQ(connections_remark(parse_json(R"({"silent_workers": 1})")), "1 worker did not answer");
}

TEST(LivePage, a_request_is_a_line_without_the_power_to_move_the_cursor) {
  EXPECT_EQ(request_line(parse_json(
                R"({"ts":"2026-11-21T20:32:34.123456Z","method":"GET","host":"a.test","path":"/x",
                "query":"y=1","status":502,"t_total":0.0123,"target":"b:1",
                "error":"connection_refused","details":"Connection \u001b refused"})")),
            "20:32:34.123 GET a.test/x?y=1 502 12ms b:1 connection_refused: Connection ? refused");
  EXPECT_EQ(request_line(parse_json(R"({"ts":"2026-11-21T20:32:34.123456Z","status":400})")),
            "20:32:34.123 -  400 0ms -");
  EXPECT_EQ(latency_text(0.00025), "0.25ms");
  EXPECT_EQ(latency_text(0.0014), "1.4ms");
  EXPECT_EQ(latency_text(1.5), "1.5s");
}

}  // namespace
}  // namespace engine::cli
