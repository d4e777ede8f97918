// SPDX-License-Identifier: GPL-3.0-or-later
// Which of a site's targets gets a request: balance, sticky, readers, health, outlier.
#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace config::test {
namespace {

using Strings = std::vector<std::string>;
using Pool = Target::Pool;

std::string site(const std::string& lines) {
  return "[routes.\"a.com\"]\nto = 3000\n" + lines + "\n";
}
std::string answered(const std::string& to, const std::string& lines) {
  return "[routes.\"a.com\"]\nto = " + to + "\n" + lines + "\n";
}
Policy policy_of(const std::string& text) {
  const Result result = load_toml(text);
  EXPECT_EQ(problems(result), Strings{}) << text;
  return result.config.sites.empty() ? Policy() : result.config.sites[0].policy;
}

TEST(Choice, the_name_of_a_cookie_keeps_its_case) {
  EXPECT_EQ(policy_of(site("balance = \"hash:cookie:SessionId\"")).balance,
            (Balance{Balance::Kind::HashCookie, "SessionId"}));
}

TEST(Choice, a_cookie_makes_clients_sticky) {
  EXPECT_EQ(policy_of(site("sticky = { cookie = \"lb\" }")).sticky, (Sticky{"lb", {}}));
  EXPECT_EQ(policy_of(site("sticky = { cookie = \"lb\", ttl = \"1h\" }")).sticky,
            (Sticky{"lb", Milliseconds(3'600'000)}));
  EXPECT_EQ(policy_of("[defaults]\nsticky = { cookie = \"lb\", ttl = \"1h\" }\n" +
                      site("sticky.cookie = \"\""))
                .sticky.cookie,
            "");
}

TEST(Choice, health_reads_every_key) {
  const Policy policy =
      policy_of(site("health = { path = \"/up?deep=1\", port = 9000, host = \"App.test\", status = "
                     "\"200-399\", every = \"2s\", timeout = \"1s\", rise = 1, fall = 100 }"));
  EXPECT_EQ(policy.health, (Health{"/up?deep=1",
                                   9000,
                                   "app.test",
                                   {200, 399},
                                   Milliseconds(2'000),
                                   Milliseconds(1'000),
                                   1,
                                   100}));
  EXPECT_EQ(policy_of(site("health = { path = \"/up\", status = 204 }")).health.status,
            (Health::Statuses{204, 204}));
}

TEST(Choice, health_needs_a_path_and_has_the_rest) {
  const Health health = policy_of(site("health = { path = \"/up\" }")).health;
  EXPECT_EQ(health.every, kHealthEvery);
  EXPECT_EQ(health.timeout, kHealthTimeout);
  EXPECT_EQ(health.rise, kHealthRise);
  EXPECT_EQ(health.fall, kHealthFall);
  EXPECT_EQ(policy_of("[defaults]\nhealth.path = \"/up\"\n" + site("health.fall = 1")).health.path,
            "/up");
  EXPECT_EQ(
      policy_of("[defaults]\nhealth.path = \"/up\"\n" + site("health.path = \"\"")).health.path,
      "");
  EXPECT_EQ(policy_of(site("")).health.path, "");
}

TEST(Choice, the_table_of_outliers_alone_switches_them_on) {
  EXPECT_EQ(policy_of(site("")).outlier.errors, 0U);
  EXPECT_EQ(policy_of(site("outlier = {}")).outlier,
            (Outlier{kOutlierErrors, kOutlierWindow, kOutlierEject}));
  EXPECT_EQ(policy_of(site("outlier = { errors = 7, window = \"5s\", eject = \"1m\" }")).outlier,
            (Outlier{7, Milliseconds(5'000), Milliseconds(60'000)}));
  EXPECT_EQ(policy_of("[defaults]\noutlier.errors = 3\n" + site("outlier.eject = \"1s\"")).outlier,
            (Outlier{3, kOutlierWindow, Milliseconds(1'000)}));
  EXPECT_EQ(policy_of("[defaults]\noutlier = {}\n" + site("outlier.errors = 0")).outlier.errors,
            0U);
  EXPECT_EQ(policy_of("[defaults]\noutlier = {}\n" + site("")).outlier.errors, kOutlierErrors);
}

TEST(Choice, a_wish_to_hold_stands_beside_the_others_of_retry) {
  EXPECT_EQ(policy_of(site("retry = { hold = \"5s\", on = [\"503\"], times = 2 }")).retry,
            (Retry{2, false, false, true, false, Milliseconds(5'000)}));
}

TEST(Choice, a_retry_may_wait_for_its_turn) {
  const Retry retry = policy_of("[defaults]\nretry.hold = \"1s\"\n" +
                                site("retry = { backoff = \"200ms\", on = [\"429\", \"503\"] }"))
                          .retry;
  EXPECT_EQ(retry.backoff, Milliseconds(200));
  EXPECT_TRUE(retry.on_429 && retry.on_503);
  EXPECT_FALSE(retry.on_connect || retry.on_502 || retry.on_504);
  EXPECT_EQ(retry.hold, Milliseconds(1'000));
}

TEST(Choice, readers_are_targets_of_another_pool) {
  const Result result =
      load_toml(site("readers = { to = [\"b:1\", { url = 9, weight = 3 }], affinity = \"2s\", "
                     "websockets = true }"));

  ASSERT_EQ(problems(result), Strings{});
  const std::vector<Target>& targets = result.config.sites.at(0).targets;
  ASSERT_EQ(targets.size(), 3U);
  EXPECT_EQ(targets[0].pool, Pool::Writers);
  EXPECT_EQ(targets[1].pool, Pool::Readers);
  EXPECT_EQ(targets[1].display(), "b:1");
  EXPECT_EQ(targets[2].pool, Pool::Readers);
  EXPECT_EQ(targets[2].weight, 3U);
  EXPECT_EQ(result.config.sites[0].policy.read_split, (ReadSplit{Milliseconds(2'000), true}));
  EXPECT_EQ(
      policy_of("[defaults]\nreaders.affinity = \"3s\"\n" + site("readers.to = 1")).read_split,
      (ReadSplit{Milliseconds(3'000), false}));
}

TEST(Choice, a_reader_may_be_the_only_target_that_speaks_tls) {
  EXPECT_EQ(
      problems(load_toml(site("readers.to = \"https://b\"\nupstream_tls.server_name = \"b\""))),
      Strings{});
}

TEST(Choice, what_is_wrong_says_what_to_write) {
  const std::pair<std::string, std::string> cases[] = {
      {"balance = \"hash:cookie:\"", "3:11 error: \"\" is not the name of a cookie"},
      {"balance = \"hash:header:a b\"", "3:11 error: \"a b\" is not the name of a header"},
      {"balance = \"hash:cooky:x\"",
       "3:11 error: \"hash:cooky:x\" is not a value of \"balance\" – write \"p2c\", "
       "\"round-robin\", \"least-conn\", \"hash:client-ip\", \"hash:header:NAME\", "
       "\"hash:cookie:NAME\" or \"first\""},
      {"sticky = \"lb\"", "3:10 error: \"sticky\" takes a table, not a string"},
      {"sticky = {}", "3:1 error: \"sticky\" needs \"cookie\""},
      {"sticky = { ttl = \"1h\" }", "3:1 error: \"sticky\" needs \"cookie\""},
      {"sticky = { cookie = \"l b\" }", "3:21 error: \"l b\" is not the name of a cookie"},
      {"sticky = { cookie = \"lb\", ttl = 3 }",
       "3:33 error: \"3\" is not a duration – write \"3s\", \"500ms\" or \"2m\""},
      {"health = {}", "3:1 error: \"health\" needs \"path\""},
      {"health = { path = \"up\" }", "3:19 error: path \"up\" does not start with \"/\""},
      {"health = { path = \"/a b\" }",
       "3:19 error: path \"/a b\" has a character that no request path has"},
      {"health = { path = \"/\", port = 0 }",
       "3:31 error: \"port\" must be a whole number from 1 to 65535"},
      {"health = { path = \"/\", port = 65536 }",
       "3:31 error: \"port\" must be a whole number from 1 to 65535"},
      {"health = { path = \"/\", host = \"a b\" }", "3:31 error: \"a b\" is not a host name"},
      {"health = { path = \"/\", status = 199 }",
       "3:33 error: \"199\" is no status from 200 to 599, and no range of them"},
      {"health = { path = \"/\", status = \"200-600\" }",
       "3:33 error: \"200-600\" is no status from 200 to 599, and no range of them"},
      {"health = { path = \"/\", status = \"300-200\" }",
       "3:33 error: \"300-200\" is no status from 200 to 599, and no range of them"},
      {"health = { path = \"/\", status = \"200-\" }",
       "3:33 error: \"200-\" is no status from 200 to 599, and no range of them"},
      {"health = { path = \"/\", status = true }",
       "3:33 error: \"status\" takes a status such as 200, or \"200-399\", not true or false"},
      {"health = { path = \"/\", every = \"0s\" }", "3:32 error: \"every\" must be longer than 0s"},
      {"health = { path = \"/\", rise = 0 }",
       "3:31 error: \"rise\" must be a whole number from 1 to 100"},
      {"health = { path = \"/\", fall = 101 }",
       "3:31 error: \"fall\" must be a whole number from 1 to 100"},
      {"health = { path = \"/\", every = \"1s\" }",
       "3:1 warning: a probe of \"health\" may take 2s, longer than the 1s between two"},
      {"outlier = { errors = 1001 }",
       "3:22 error: \"errors\" must be a whole number from 0 to 1000"},
      {"outlier = { window = \"0s\" }", "3:22 error: \"window\" must be longer than 0s"},
      {"outlier = { eject = \"0s\" }", "3:21 error: \"eject\" must be longer than 0s"},
      {"outlier = { ejct = \"1s\" }",
       "3:13 error: unknown key \"ejct\" in \"outlier\" of site \"a.com\""},
      {"retry = { hold = \"5\" }",
       "3:18 error: \"5\" is not a duration – write \"5s\", \"500ms\" or \"2m\""},
      {"retry = { backoff = \"31s\" }", "3:21 error: \"backoff\" is 30 seconds at most"},
      {"readers = 3001", "3:11 error: \"readers\" takes a table, not a whole number"},
      {"readers = { affinity = \"1s\" }", "3:1 error: \"readers\" needs \"to\""},
      {"readers = { to = 0 }", "3:18 error: 0 is not a port – write a number from 1 to 65535"},
      {"readers = { to = \"status:404\" }", "3:18 error: \"status:404\" cannot be a reader"},
      {"readers = { to = \"tls-passthrough:b:443\" }",
       "3:18 error: \"tls-passthrough:b:443\" cannot be a reader"},
      {"readers = { to = 1, websockets = 1 }",
       "3:34 error: \"websockets\" takes true or false, not a whole number"},
  };
  for (const auto& [line, problem] : cases) {
    EXPECT_EQ(problems(load_toml(site(line))), Strings{problem}) << line;
  }
  EXPECT_EQ(only_hint(load_toml(site("health = {}"))),
            "write for example health = { path = \"/up\" }");
}

TEST(Choice, what_needs_requests_to_forward_says_so_where_there_are_none) {
  const std::string no_effect = " has no effect: no request of this site is forwarded";
  for (std::string to : {"\"status:404\"", "\"redirect:https://b.com{uri}\""}) {
    EXPECT_EQ(problems(load_toml(answered(to, "health.path = \"/\""))),
              Strings{"3:1 warning: \"health\"" + no_effect});
    EXPECT_EQ(problems(load_toml(answered(to, "sticky.cookie = \"lb\""))),
              Strings{"3:1 warning: \"sticky\"" + no_effect});
    EXPECT_EQ(problems(load_toml(answered(to, "outlier = {}"))),
              Strings{"3:1 warning: \"outlier\"" + no_effect});
  }
  const std::string passage = "\"tls-passthrough:b:443\"";
  EXPECT_EQ(problems(load_toml(answered(passage, "sticky.cookie = \"lb\""))),
            Strings{"3:1 warning: \"sticky\"" + no_effect});
  EXPECT_EQ(problems(load_toml(answered(passage, "outlier = {}"))), Strings{});
}

TEST(Choice, readers_stand_beside_targets_that_requests_are_forwarded_to) {
  for (std::string to : {"status:404", "redirect:https://b.com", "tls-passthrough:b:443"}) {
    EXPECT_EQ(problems(load_toml(answered("\"" + to + "\"", "readers.to = 3001"))),
              Strings{"3:1 error: \"readers\" cannot share a site with \"" + to + "\""});
  }
}

TEST(Choice, readers_of_all_sites_would_be_nobodys) {
  EXPECT_EQ(problems(load_toml("[defaults]\nreaders = { to = 3001 }\n")),
            Strings{"2:13 error: \"to\" belongs to a site, not to [defaults]"});
}

}  // namespace
}  // namespace config::test
