// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/site_metrics.h"

#include <gtest/gtest.h>

#include <map>

namespace engine::route {
namespace {

std::map<std::uint16_t, std::uint64_t> all_of(const StatusCounts& statuses) {
  std::map<std::uint16_t, std::uint64_t> counts;
  for (const auto& entry : statuses.entries()) {
    if (entry.count > 0) counts[entry.status] += entry.count;
  }
  return counts;
}

TEST(StatusCounts, each_status_has_a_count_of_its_own) {
  StatusCounts statuses;
  for (const int status : {200, 404, 200, 503, 200})
    statuses.count(static_cast<std::uint16_t>(status));
  EXPECT_EQ(all_of(statuses),
            (std::map<std::uint16_t, std::uint64_t>{{200, 3}, {404, 1}, {503, 1}}));
}

TEST(StatusCounts, those_that_find_no_room_are_counted_together) {
  constexpr auto kRoom = static_cast<std::uint16_t>(StatusCounts::kDifferentMax);
  StatusCounts statuses;
  for (std::uint16_t i = 0; i < kRoom; ++i) statuses.count(static_cast<std::uint16_t>(400 + i));
  EXPECT_FALSE(all_of(statuses).contains(StatusCounts::kRest));

  statuses.count(200);
  statuses.count(201);
  statuses.count(400);

  EXPECT_EQ(all_of(statuses).size(), kRoom + 1U);
  EXPECT_EQ(all_of(statuses)[StatusCounts::kRest], 2U);
  EXPECT_EQ(all_of(statuses)[400], 2U);
}

TEST(StatusCounts, a_sum_finds_the_same_status_at_another_place) {
  StatusCounts sum, more;
  sum.count(200);
  sum.count(404);
  more.count(404);
  more.count(500);

  sum.add(more);

  EXPECT_EQ(all_of(sum), (std::map<std::uint16_t, std::uint64_t>{{200, 1}, {404, 2}, {500, 1}}));
}

TEST(SiteCounters, a_request_is_counted_by_method_protocol_and_class_of_its_status) {
  SiteCounters site;
  site.count_request(http::Method::Get, Protocol::Http11, 204);
  site.count_request(http::Method::Other, Protocol::Http2, 599);
  site.count_request(http::Method::Get, Protocol::Http10, 101);

  EXPECT_EQ(site.requests[0][1][1], 1U);
  EXPECT_EQ(site.requests.back()[2][4], 1U);
  EXPECT_EQ(site.requests[0][0][0], 1U);
  EXPECT_EQ(all_of(site.statuses).size(), 3U);
}

TEST(SiteCounters, what_has_no_status_of_http_is_no_request) {
  SiteCounters site;
  for (const int status : {0, 99, 600})
    site.count_request(http::Method::Get, Protocol::Http11, static_cast<std::uint16_t>(status));
  EXPECT_TRUE(all_of(site.statuses).empty());
}

TEST(SiteMetrics, the_sum_is_that_of_all_workers) {
  SiteMetrics metrics(3);
  for (const std::size_t worker : {0U, 2U}) {
    SiteCounters& mine = metrics.of(worker);
    mine.count_request(http::Method::Post, Protocol::Http2, 201);
    mine.duration.record(base::kSecond);
    mine.first_byte.record(1);
    mine.upstream_connect.record(2);
    mine.upstream_duration.record(3);
    ++mine.in_flight;
    ++mine.open(OpenStream::WebSocket);
    ++mine.open(OpenStream::Grpc);
    mine.request_bytes += 10;
    mine.response_bytes += 20;
    ++mine.retries;
    ++mine.errors[static_cast<std::size_t>(base::Cause::DnsError)];
  }
  --metrics.of(2).in_flight;

  SiteCounters sum;
  EXPECT_TRUE(metrics.add_to(sum));

  EXPECT_EQ(sum.requests[2][2][1], 2U);
  EXPECT_EQ(all_of(sum.statuses)[201], 2U);
  EXPECT_EQ(sum.duration.sum(), 2'000'000'000U);
  EXPECT_EQ(sum.first_byte.sum(), 2U);
  EXPECT_EQ(sum.upstream_connect.sum(), 4U);
  EXPECT_EQ(sum.upstream_duration.sum(), 6U);
  EXPECT_EQ(sum.in_flight, 1U);
  EXPECT_EQ(sum.open(OpenStream::WebSocket), 2U);
  EXPECT_EQ(sum.open(OpenStream::Sse), 0U);
  EXPECT_EQ(sum.open(OpenStream::Grpc), 2U);
  EXPECT_EQ(sum.request_bytes, 20U);
  EXPECT_EQ(sum.response_bytes, 40U);
  EXPECT_EQ(sum.retries, 2U);
  EXPECT_EQ(sum.errors[static_cast<std::size_t>(base::Cause::DnsError)], 2U);
}

TEST(SiteMetrics, a_worker_keeps_its_counters_and_shares_no_cache_line) {
  SiteMetrics metrics(2);
  SiteCounters& first = metrics.of(0);
  EXPECT_EQ(&metrics.of(0), &first);
  EXPECT_NE(&metrics.of(1), &first);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&first) % 64, 0U);
}

TEST(SiteMetrics, a_site_that_nobody_used_has_nothing_to_add) {
  SiteCounters sum;
  EXPECT_FALSE(SiteMetrics(4).add_to(sum));
}

}  // namespace
}  // namespace engine::route
