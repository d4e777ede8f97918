// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/interpolate.h"

#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace config::test {
namespace {

World world() {
  return {
      {{"NAME", "shop"}, {"EMPTY", ""}, {"DOLLAR", "${NAME}"}, {"BAD", "\xff"}},
      {{"/run/secret", "s3cret\n"}, {"etc/rel", "relative"}, {"/crlf", "x\r\n"}, {"/bad", "\xff"}}};
}

TEST(Interpolate, fills_in_variables_files_and_dollars) {
  World here = world();
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"plain", "plain"},
      {"${NAME}.localhost", "shop.localhost"},
      {"${NAME}-${NAME}", "shop-shop"},
      {"${NOPE:-def}", "def"},
      {"${EMPTY}", ""},
      {"${EMPTY:-def}", "def"},
      {"${NOPE:-}", ""},
      {"${NAME:?text}", "shop"},
      {"${file:/run/secret}", "s3cret"},
      {"${file:/crlf}", "x"},
      {"${file:rel}", "relative"},
      {"${file:/none:-def}", "def"},
      {"$${NAME}", "${NAME}"},
      {"cost: 5$", "cost: 5$"},
      {"$$$$", "$$"},
      {"${DOLLAR}", "${NAME}"},
  };
  for (const auto& [written, expected] : cases) {
    auto result = interpolate(written, "etc", here.environment());
    ASSERT_TRUE(result) << written << ": " << result.error().complaint.message;
    EXPECT_EQ(result->text, expected);
  }
}

TEST(Interpolate, refuses_what_is_not_there) {
  World here = world();
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"x ${NOPE}", "the environment variable NOPE is not set"},
      {"${NOPE:?ask the operator}", "NOPE: ask the operator"},
      {"${EMPTY:?must not be empty}", "EMPTY: must not be empty"},
      {"${NOPE:?}", "the environment variable NOPE is not set"},
      {"${file:/none}", "cannot read \"/none\": no such file"},
      {"${file:/bad}", "\"/bad\" is not UTF-8 text"},
      {"${BAD}", "the environment variable BAD is not UTF-8 text"},
      {"${NAME", "\"${\" has no \"}\""},
      {"${}", "\"\" is not the name of a variable"},
      {"${1X}", "\"1X\" is not the name of a variable"},
      {"${NAME:def}", "\"NAME:def\" is not understood"},
  };
  for (const auto& [written, message] : cases) {
    auto result = interpolate(written, "", here.environment());
    ASSERT_FALSE(result) << written;
    EXPECT_EQ(result.error().complaint.message, message);
  }
}

TEST(Interpolate, a_problem_points_at_the_braces_inside_the_string) {
  Result result = load_toml("[routes]\n\"a.com\" = \"http://ä:${PORT}\"\n");

  ASSERT_EQ(problems(result),
            std::vector<std::string>{"2:21 error: the environment variable PORT is not set"});
  EXPECT_EQ(result.diagnostics[0].end_column, 28u);
  EXPECT_EQ(result.diagnostics[0].hint, "set it, or write \"${PORT:-default}\"");
}

TEST(Interpolate, a_number_may_come_from_a_variable) {
  World here{{{"PORT", "4000"}, {"TIMES", "3"}}, {}};
  Result result =
      load_toml("[routes.\"a.com\"]\nto = \"${PORT}\"\nretry = { times = \"${TIMES}\" }\n", here);

  ASSERT_EQ(problems(result), std::vector<std::string>{});
  EXPECT_EQ(result.config.sites[0].targets[0].port, 4000);
  EXPECT_EQ(result.config.sites[0].policy.retry.times, 3u);
}

TEST(Interpolate, files_read_are_listed_for_watching) {
  Result result = load_toml("errors_ = 1\n[defaults]\nerrors = \"${file:/run/secret}\"\n", world());

  ASSERT_EQ(result.files.size(), 1u);
  EXPECT_EQ(result.files[0], "/run/secret");
}

}  // namespace
}  // namespace config::test
