// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/when.h"

#include <gtest/gtest.h>

namespace engine::cli {
namespace {

constexpr std::int64_t kNow = 1'795'293'154;  // 2026-11-21T20:32:34Z

TEST(When, a_time_of_the_engine_is_read) {
  EXPECT_EQ(parse_time("2026-11-21T20:32:34Z"), kNow);
  EXPECT_EQ(parse_time("2026-11-21T20:32:34.123456Z"), kNow);
  EXPECT_EQ(parse_time("2026-11-21T20:32:34+01:00"), std::nullopt);
  EXPECT_EQ(parse_time("yesterday"), std::nullopt);
  EXPECT_EQ(parse_time(""), std::nullopt);
}

TEST(When, a_span_is_said_in_its_largest_unit_from_two_of_it_on) {
  EXPECT_EQ(span_text(0), "0 s");
  EXPECT_EQ(span_text(119), "119 s");
  EXPECT_EQ(span_text(120), "2 min");
  EXPECT_EQ(span_text(7199), "119 min");
  EXPECT_EQ(span_text(7200), "2 h");
  EXPECT_EQ(span_text(172799), "47 h");
  EXPECT_EQ(span_text(172800), "2 days");
}

TEST(When, the_past_is_ago_and_the_future_is_in) {
  EXPECT_EQ(relative("2026-11-21T20:29:34Z", kNow), "3 min ago");
  EXPECT_EQ(relative("2026-11-21T20:32:34Z", kNow), "0 s ago");
  EXPECT_EQ(relative("2026-12-31T20:32:34Z", kNow), "in 40 days");
  EXPECT_EQ(relative("soon", kNow), "soon");
}

}  // namespace
}  // namespace engine::cli
