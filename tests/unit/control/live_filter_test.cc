// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/live_filter.h"

#include <gtest/gtest.h>

namespace engine::control {
namespace {

TEST(LiveFilter, a_status_is_one_a_class_or_a_bound) {
  const struct {
    std::string_view text;
    StatusRange range;
  } kCases[] = {{"502", {502, 502}},   {"5xx", {500, 599}},  {"1xx", {100, 199}},
                {">=400", {400, 999}}, {">399", {400, 999}}, {"<500", {0, 499}},
                {"<=499", {0, 499}},   {"0", {0, 0}},        {"<=0", {0, 0}},
                {"999", {999, 999}}};
  for (const auto& each : kCases) {
    const auto range = parse_status_range(each.text);
    ASSERT_TRUE(range) << each.text;
    EXPECT_EQ(*range, each.range) << each.text;
  }
}

TEST(LiveFilter, what_is_no_status_is_refused) {
  for (const std::string_view text : {"", "x", "xx", "5x", "5xxx", "axx", "1000", ">=", "=5", "<0",
                                      "><5", ">=5xx", "50 ", "-1", "70000"})
    EXPECT_FALSE(parse_status_range(text)) << text;
}

TEST(LiveFilter, a_tap_takes_its_wishes_from_the_query) {
  const auto filter =
      tap_filter_of({{"site", "a.test"}, {"status", "5xx"}, {"method", "POST"}, {"path", "/api"}});
  ASSERT_TRUE(filter);
  EXPECT_EQ(filter->site, "a.test");
  EXPECT_EQ(filter->method, "POST");
  EXPECT_EQ(filter->path, "/api");
  EXPECT_EQ(filter->status_min, 500);
  EXPECT_EQ(filter->status_max, 599);
  EXPECT_TRUE(tap_filter_of({}));
}

TEST(LiveFilter, a_wish_that_means_nothing_is_refused_with_what_there_is) {
  const auto tap = tap_filter_of({{"sate", "x"}});
  ASSERT_FALSE(tap);
  EXPECT_EQ(tap.error().status, 400);
  EXPECT_EQ(tap.error().field, "sate");
  EXPECT_TRUE(tap.error().hint.contains("status")) << tap.error().hint;
  EXPECT_EQ(tap_filter_of({{"status", "many"}}).error().field, "status");
  EXPECT_EQ(connection_filter_of({{"status", "5xx"}}).error().field, "status");
  EXPECT_EQ(connection_filter_of({{"state", "busy"}}).error().field, "state");
}

TEST(LiveFilter, connections_are_filtered_by_state_and_site) {
  using View = route::ConnectionView;
  const auto filter = connection_filter_of({{"state", "active"}, {"site", "a.test"}});
  ASSERT_TRUE(filter);
  EXPECT_TRUE(filter->shows({.state = View::State::Active, .site = "a.test"}));
  EXPECT_FALSE(filter->shows({.state = View::State::Idle, .site = "a.test"}));
  EXPECT_FALSE(filter->shows({.state = View::State::Active, .site = "b.test"}));
  EXPECT_TRUE(connection_filter_of({})->shows({}));
}

TEST(LiveFilter, the_id_of_a_connection_names_its_worker) {
  EXPECT_EQ(id_of({1, 0x2fa03}), "1-2fa03");
  EXPECT_EQ(parse_connection_id("1-2fa03"), (ConnectionId{1, 0x2fa03}));
  for (const std::string_view text : {"", "1", "-", "1-", "-1", "1-2g", "x-1", "1-2-3", " 1-2"})
    EXPECT_FALSE(parse_connection_id(text)) << text;
}

}  // namespace
}  // namespace engine::control
