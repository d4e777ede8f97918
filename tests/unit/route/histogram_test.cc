// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace engine::route {
namespace {

std::size_t bucket_of(base::Time duration) {
  Histogram histogram;
  histogram.record(duration);
  for (std::size_t i = 0; i <= Histogram::kBounds.size(); ++i) {
    if (histogram.count(i) == 1) return i;
  }
  return SIZE_MAX;
}

TEST(Histogram, a_bound_belongs_to_its_bucket_and_what_is_longer_to_the_next) {
  EXPECT_EQ(bucket_of(0), 0U);
  for (std::size_t i = 0; i < Histogram::kBounds.size(); ++i) {
    EXPECT_EQ(bucket_of(Histogram::kBounds[i] - 1), i);
    EXPECT_EQ(bucket_of(Histogram::kBounds[i]), i);
    EXPECT_EQ(bucket_of(Histogram::kBounds[i] + 1), i + 1);
  }
  EXPECT_EQ(bucket_of(3600 * base::kSecond), Histogram::kBounds.size());
}

TEST(Histogram, bounds_go_up_from_100_microseconds_to_10_seconds) {
  EXPECT_TRUE(std::ranges::is_sorted(Histogram::kBounds));
  EXPECT_EQ(Histogram::kBounds.front(), 100 * base::kMicrosecond);
  EXPECT_EQ(Histogram::kBounds.back(), 10 * base::kSecond);
}

TEST(Histogram, several_of_one_duration_are_recorded_at_once) {
  Histogram histogram;
  histogram.record(7, 3);
  histogram.record(2 * base::kMillisecond);

  EXPECT_EQ(histogram.count(0), 3U);
  EXPECT_EQ(histogram.sum(), 21U + 2'000'000U);
}

TEST(Histogram, two_are_added_bucket_by_bucket) {
  Histogram sum, more;
  sum.record(1);
  more.record(1);
  more.record(20 * base::kSecond);

  sum.add(more);

  EXPECT_EQ(sum.count(0), 2U);
  EXPECT_EQ(sum.count(Histogram::kBounds.size()), 1U);
  EXPECT_EQ(sum.sum(), 2U + 20'000'000'000U);
}

}  // namespace
}  // namespace engine::route
