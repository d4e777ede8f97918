// SPDX-License-Identifier: GPL-3.0-or-later
// What is too much for a site: limit.rate, burst and by.
#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace config::test {
namespace {

using Strings = std::vector<std::string>;
using Kind = LimitBy::Kind;

std::string site(const std::string& lines) {
  return "[routes.\"a.com\"]\nto = 3000\n" + lines + "\n";
}
Limit limit_of(const std::string& text) {
  const Result result = load_toml(text);
  EXPECT_EQ(problems(result), Strings{}) << text;
  return result.config.sites.empty() ? Limit() : result.config.sites[0].policy.limit;
}

TEST(Limits, a_rate_has_a_burst_and_says_whom_it_counts) {
  const Limit limit = limit_of(
      site("limit = { rate = \"100/min\", burst = 200, by = \"header:X-Api-Key\", inflight = 3 }"));
  EXPECT_EQ(limit.rate, (Rate{100, Milliseconds(60'000)}));
  EXPECT_EQ(limit.at_once(), 200U);
  EXPECT_EQ(limit.by, (LimitBy{Kind::Header, "x-api-key"}));
  EXPECT_EQ(limit.inflight, 3U);
}

TEST(Limits, a_site_has_no_rate_unless_it_says_so) {
  EXPECT_EQ(limit_of(site("")).rate.count, 0U);
  EXPECT_EQ(limit_of(site("limit = { rate = \"\" }")).rate.count, 0U);
}

TEST(Limits, without_a_burst_what_comes_in_a_second_may_come_at_once) {
  const std::pair<std::string, uint64_t> cases[] = {
      {"100/s", 100}, {"1/s", 1}, {"120/m", 2},  {"59/min", 1},
      {"61/min", 1},  {"1/h", 1}, {"7200/h", 2}, {"100000/s", 100'000}};
  for (const auto& [rate, burst] : cases)
    EXPECT_EQ(limit_of(site("limit = { rate = \"" + rate + "\" }")).at_once(), burst) << rate;
}

TEST(Limits, requests_are_counted_by_address_header_cookie_or_all_together) {
  const std::pair<std::string, LimitBy> cases[] = {
      {"client-ip", {Kind::ClientIp, ""}},
      {"header:X-User", {Kind::Header, "x-user"}},
      {"cookie:SessionId", {Kind::Cookie, "SessionId"}},
      {"all", {Kind::All, ""}}};
  for (const auto& [by, wanted] : cases)
    EXPECT_EQ(limit_of(site("limit = { rate = \"1/s\", by = \"" + by + "\" }")).by, wanted) << by;
  EXPECT_EQ(limit_of(site("limit = { rate = \"1/s\" }")).by.kind, Kind::ClientIp);
}

TEST(Limits, a_site_changes_the_rate_of_defaults_key_by_key) {
  const std::string defaults =
      "[defaults]\nlimit = { rate = \"50/s\", burst = 7, by = \"cookie:id\" }\n";
  EXPECT_EQ(limit_of(defaults + site("")), limit_of(site("limit = { rate = \"50/s\", burst = 7, "
                                                         "by = \"cookie:id\" }")));
  const Limit changed = limit_of(defaults + site("limit.by = \"all\"\nlimit.burst = 9"));
  EXPECT_EQ(changed.rate.count, 50U);
  EXPECT_EQ(changed.at_once(), 9U);
  EXPECT_EQ(changed.by, (LimitBy{Kind::All, ""}));
  EXPECT_EQ(limit_of(defaults + site("limit.rate = \"\"")).rate.count, 0U);
}

TEST(Limits, a_burst_may_take_a_year_to_come_back) {
  EXPECT_EQ(limit_of(site("limit = { rate = \"1/h\", burst = 8760 }")).at_once(), 8760U);
  EXPECT_EQ(limit_of(site("limit = { rate = \"1/s\", burst = 1000000 }")).at_once(), 1'000'000U);
}

TEST(Limits, a_wish_that_is_wrong_says_what_to_write) {
  const std::pair<std::string, std::string> cases[] = {
      {"limit = { rate = \"100\" }",
       "3:18 error: \"100\" is not a rate – write \"100/s\", \"100/min\" or \"100/h\""},
      {"limit = { rate = \"5/d\" }",
       "3:18 error: \"5/d\" is not a rate – write \"5/s\", \"100/min\" or \"100/h\""},
      {"limit = { rate = \"1.5/s\" }",
       "3:18 error: \"1.5/s\" is not a rate – write \"1/s\", \"100/min\" or \"100/h\""},
      {"limit = { rate = \"/s\" }",
       "3:18 error: \"/s\" is not a rate – write \"100/s\", \"100/min\" or \"100/h\""},
      {"limit = { rate = \"-1/s\" }",
       "3:18 error: \"-1/s\" is not a rate – write \"100/s\", \"100/min\" or \"100/h\""},
      {"limit = { rate = 100 }",
       "3:18 error: \"rate\" takes a rate such as \"100/s\", not a whole number"},
      {"limit = { rate = \"0/s\" }", "3:18 error: \"rate\" must have a number from 1 to 100000"},
      {"limit = { rate = \"100001/s\" }",
       "3:18 error: \"rate\" must have a number from 1 to 100000"},
      {"limit = { rate = \"1/s\", burst = 0 }",
       "3:33 error: \"burst\" must be a whole number from 1 to 1000000"},
      {"limit = { rate = \"1/h\", burst = 8761 }",
       "3:25 error: a \"burst\" of 8761 takes longer than a year to come back at \"1/h\""},
      {"limit = { burst = 5 }", "3:11 error: \"burst\" of \"limit\" needs a \"rate\""},
      {"limit = { by = \"all\" }", "3:11 error: \"by\" of \"limit\" needs a \"rate\""},
      {"limit = { rate = \"1/s\", by = \"ip\" }",
       "3:30 error: \"ip\" is not a value of \"by\" – write \"client-ip\", \"header:NAME\", "
       "\"cookie:NAME\" or \"all\""},
      {"limit = { rate = \"1/s\", by = \"header:\" }",
       "3:30 error: \"\" is not the name of a header"},
      {"limit = { rate = \"1/s\", by = \"cookie:a b\" }",
       "3:30 error: \"a b\" is not the name of a cookie"},
  };
  for (const auto& [line, problem] : cases)
    EXPECT_EQ(problems(load_toml(site(line))), Strings{problem}) << line;
}

TEST(Limits, a_burst_of_defaults_that_a_slower_site_waits_too_long_for_is_told_there) {
  EXPECT_EQ(problems(load_toml("[defaults]\nlimit = { rate = \"50/s\", burst = 9000 }\n" +
                               site("limit.rate = \"1/h\""))),
            Strings{"5:7 error: a \"burst\" of 9000 takes longer than a year to come back at "
                    "\"1/h\""});
}

}  // namespace
}  // namespace config::test
