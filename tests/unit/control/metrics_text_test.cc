// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/metrics_text.h"

#include <gtest/gtest.h>

namespace engine::control {
namespace {

using Type = MetricsText::Type;

TEST(MetricsText, a_family_begins_with_its_help_and_its_type) {
  MetricsText out;
  out.family("a_total", Type::Counter, "Of a.");
  out.sample({}, std::uint64_t{18446744073709551615U});
  out.family("b_seconds", Type::Gauge, "Of b.");
  out.sample({{"host", "x"}, {"zone", ""}}, 0.25);

  EXPECT_EQ(
      out.take(),
      "# HELP a_total Of a.\n# TYPE a_total counter\na_total 18446744073709551615\n"
      "# HELP b_seconds Of b.\n# TYPE b_seconds gauge\nb_seconds{host=\"x\",zone=\"\"} 0.25\n");
}

TEST(MetricsText, quotes_backslashes_and_line_feeds_are_escaped) {
  MetricsText out;
  out.family("a", Type::Gauge, "A.");
  out.sample({{"label", "say \"hi\"\\\nbye"}}, std::uint64_t{1});
  EXPECT_TRUE(out.take().ends_with("a{label=\"say \\\"hi\\\"\\\\\\nbye\"} 1\n"));
}

TEST(MetricsText, buckets_are_cumulative_and_the_last_one_is_the_count) {
  route::Histogram histogram;
  histogram.record(50 * base::kMicrosecond, 2);
  histogram.record(3 * base::kMillisecond);
  histogram.record(60 * base::kSecond);
  MetricsText out;
  out.family("h", Type::Histogram, "H.");
  out.histogram({{"site", "s"}}, histogram);

  const std::string text = out.take();
  EXPECT_TRUE(
      text.starts_with("# HELP h H.\n# TYPE h histogram\n"
                       "h_bucket{site=\"s\",le=\"0.0001\"} 2\n"
                       "h_bucket{site=\"s\",le=\"0.00025\"} 2\n"
                       "h_bucket{site=\"s\",le=\"0.0005\"} 2\n"
                       "h_bucket{site=\"s\",le=\"0.001\"} 2\n"
                       "h_bucket{site=\"s\",le=\"0.0025\"} 2\n"
                       "h_bucket{site=\"s\",le=\"0.005\"} 3\n"))
      << text;
  EXPECT_TRUE(
      text.ends_with("h_bucket{site=\"s\",le=\"7.5\"} 3\n"
                     "h_bucket{site=\"s\",le=\"10\"} 3\n"
                     "h_bucket{site=\"s\",le=\"+Inf\"} 4\n"
                     "h_sum{site=\"s\"} 60.0031\n"
                     "h_count{site=\"s\"} 4\n"))
      << text;
}

TEST(MetricsText, a_histogram_without_labels_has_only_its_bounds) {
  MetricsText out;
  out.family("h", Type::Histogram, "H.");
  out.histogram({}, route::Histogram());
  const std::string text = out.take();
  EXPECT_NE(text.find("\nh_bucket{le=\"0.0001\"} 0\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\nh_sum 0\nh_count 0\n"));
}

TEST(MetricsText, a_summary_is_a_sum_and_a_count) {
  MetricsText out;
  out.family("s", Type::Summary, "S.");
  out.summary({{"a", "b"}}, 3, 1.5);
  EXPECT_EQ(out.take(), "# HELP s S.\n# TYPE s summary\ns_sum{a=\"b\"} 1.5\ns_count{a=\"b\"} 3\n");
}

}  // namespace
}  // namespace engine::control
