// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace config::test {
namespace {

using Strings = std::vector<std::string>;

std::string route(const std::string& line) { return "[routes]\n" + line + "\n"; }
std::string site(const std::string& lines) {
  return "[routes.\"a.com\"]\nto = 3000\n" + lines + "\n";
}
const Policy& policy_of(const Result& result) { return result.config.sites.at(0).policy; }

TEST(Routes, two_lines_are_a_complete_configuration) {
  Result result = load_toml("[routes]\n\"shop.localhost\" = 3000\n");

  ASSERT_TRUE(result.ok()) << only_message(result);
  ASSERT_EQ(result.config.sites.size(), 1u);
  EXPECT_EQ(result.config.sites[0].key, "shop.localhost");
  EXPECT_EQ(result.config.sites[0].origin(), "proxy.toml:2");
  EXPECT_EQ(result.config.sites[0].targets[0].display(), "localhost:3000");
  ASSERT_EQ(result.config.listen.size(), 1u);
  EXPECT_EQ(result.config.listen[0].text(), ":8080");
}

TEST(Routes, sites_keep_the_order_of_the_file) {
  Result result = load_toml("[routes]\n\"z.com\" = 1\n\"a.com\" = 2\n[routes.\"m.com\"]\nto = 3\n");

  ASSERT_EQ(result.config.sites.size(), 3u);
  EXPECT_EQ(result.config.sites[0].key, "z.com");
  EXPECT_EQ(result.config.sites[1].key, "a.com");
  EXPECT_EQ(result.config.sites[2].key, "m.com");
  EXPECT_EQ(result.config.sites[2].origin(), "proxy.toml:4");
}

TEST(Routes, targets_may_be_a_list_with_weights) {
  Result result = load_toml(
      route("\"a.com\" = [3000, \"b:80\", { url = \"http://c:81\", weight = 3 }, { url = 9 }]"));

  ASSERT_TRUE(result.ok()) << only_message(result);
  const std::vector<Target>& targets = result.config.sites[0].targets;
  ASSERT_EQ(targets.size(), 4u);
  EXPECT_EQ(targets[1].display(), "b:80");
  EXPECT_EQ(targets[2].display(), "c:81");
  EXPECT_EQ(targets[2].weight, 3u);
  EXPECT_EQ(targets[3].weight, 1u);
  EXPECT_EQ(targets[1].where.column, 18u);
}

TEST(Routes, a_target_that_is_wrong_is_reported_where_it_stands) {
  const std::pair<std::string, std::string> cases[] = {
      {"\"a.com\" = true", "2:11 error: this is not a target"},
      {"\"a.com\" = 1.5", "2:11 error: this is not a target"},
      {"\"a.com\" = []", "2:11 error: the list of targets is empty"},
      {"\"a.com\" = [[1]]", "2:12 error: this is not a target"},
      {"\"a.com\" = 0", "2:11 error: 0 is not a port – write a number from 1 to 65535"},
      {"\"a.com\" = [1, \"status:404\"]",
       "2:11 error: \"status:404\" cannot share a site with other targets"},
      {"\"a.com\" = [{ weight = 1 }]", "2:12 error: a target in a table needs \"url\""},
      {"\"a.com\" = [{ url = 1, weight = 1001 }]",
       "2:32 error: \"weight\" must be a whole number from 0 to 1000"},
      {"\"a.com\" = [{ url = 1, weight = 0 }]",
       "2:11 error: every target has weight 0: none would get a request"},
  };
  for (const auto& [line, problem] : cases) {
    EXPECT_EQ(problems(load_toml(route(line))), Strings{problem}) << line;
  }
}

TEST(Routes, a_site_without_quotes_is_recognised) {
  Result result = load_toml(route("shop.localhost = 3000"));

  EXPECT_EQ(only_message(result), "site \"shop.localhost\" is not in quotes");
  EXPECT_EQ(only_hint(result), "a name with a dot needs them: write \"shop.localhost\"");
  EXPECT_EQ(only_message(load_toml("[routes.api.example.com]\nto = 1\n")),
            "site \"api.example.com\" is not in quotes");
}

TEST(Routes, one_site_twice_is_an_error_whatever_its_case) {
  EXPECT_EQ(problems(load_toml(route("\"a.com\" = 1\n\"A.com/\" = 2"))),
            Strings{"3:1 error: site \"a.com\" is already on line 2"});
}

TEST(Routes, a_path_with_and_without_a_slash_is_a_warning) {
  Result result = load_toml(route("\"a.com/docs/\" = 1\n\"a.com/docs\" = 2"));

  EXPECT_TRUE(result.ok());
  EXPECT_EQ(
      problems(result),
      Strings{"3:1 warning: site \"a.com/docs\" is also covered by \"a.com/docs/\" on line 2; "
              "only the longer prefix will be used for /docs/…"});
}

TEST(Routes, passthrough_goes_with_nothing_that_needs_decrypting) {
  EXPECT_EQ(problems(load_toml("[routes]\n\"a.com/x\" = \"tls-passthrough:b:443\"\n")),
            Strings{"2:1 error: a path cannot be chosen without decrypting"});
  EXPECT_EQ(problems(load_toml("[routes]\n\"a.com\" = [\"tls-passthrough:b:443\", 3000]\n")),
            Strings{"2:11 error: tls-passthrough targets cannot share a site with others"});
}

TEST(Routes, long_form_without_a_target_is_an_error) {
  EXPECT_EQ(problems(load_toml("[routes.\"a.com\"]\nbalance = \"first\"\n")),
            Strings{"1:9 error: site \"a.com\" has no target"});
}

TEST(Routes, a_misspelt_key_gets_the_nearest_known_one) {
  Result result = load_toml(site("heatlh = { path = \"/up\" }"));

  EXPECT_EQ(problems(result), Strings{"3:1 error: unknown key \"heatlh\" in site \"a.com\""});
  EXPECT_EQ(only_hint(result), "did you mean \"health\"?");
}

TEST(Routes, a_key_of_a_later_version_is_not_ignored) {
  for (std::string key :
       {"breaker", "split", "mirror", "allow", "auth", "compress", "cache", "match"}) {
    EXPECT_EQ(problems(load_toml(site(key + " = {}"))),
              Strings{"3:1 error: \"" + key + "\" is not supported by this version"});
  }
}

TEST(Routes, long_form_reads_every_wish) {
  Result result = load_toml(
      site("balance = \"hash:header:X-User\"\n"
           "timeout = { connect = \"1s\", first_byte = \"30s\", idle = \"5m\", total = \"0s\" }\n"
           "retry = { times = 2, on = [\"502\", \"503\"] }\n"
           "limit = { inflight = 500, body = \"20MiB\", response = \"1GiB\" }\n"
           "buffer = { requests = true, responses = true, memory = \"64KiB\" }\n"
           "rewrite = { strip = \"/v1/\" }\nhost = \"upstream\"\nerrors = \"pages\"\n"));

  ASSERT_TRUE(result.ok()) << only_message(result);
  const Policy& policy = policy_of(result);
  EXPECT_EQ(policy.balance, (Balance{Balance::Kind::HashHeader, "x-user"}));
  EXPECT_EQ(policy.timeout.connect, Milliseconds(1'000));
  EXPECT_EQ(policy.timeout.idle, Milliseconds(300'000));
  EXPECT_EQ(policy.retry, (Retry{2, false, true, true, false}));
  EXPECT_EQ(policy.limit, (Limit{500, 20u << 20, 1u << 30}));
  EXPECT_EQ(policy.buffer, (Buffer{true, true, 64u << 10}));
  EXPECT_EQ(policy.strip_prefix, "/v1");
  EXPECT_EQ(policy.host.kind, Host::Kind::Upstream);
  EXPECT_EQ(policy.errors_directory, "pages");
}

TEST(Routes, buffering_of_defaults_is_changed_key_by_key) {
  const std::string defaults =
      "[defaults]\nbuffer = { responses = true, memory = \"8KiB\" }\nlimit = { response = 100 }\n";
  Result result = load_toml(defaults + site("buffer = { requests = true }"));
  ASSERT_TRUE(result.ok()) << only_message(result);
  EXPECT_EQ(policy_of(result).buffer, (Buffer{true, true, 8u << 10}));
  EXPECT_EQ(policy_of(result).limit.response_bytes, 100U);

  EXPECT_TRUE(load_toml(defaults + site("buffer = { responses = false }")).ok());
  EXPECT_EQ(only_message(load_toml("[defaults]\nlimit = { response = 100 }\n" + site(""))),
            "\"response\" of \"limit\" needs buffered responses");
}

TEST(Routes, every_way_to_balance_has_a_name) {
  using Kind = Balance::Kind;
  const std::pair<std::string, Kind> cases[] = {{"p2c", Kind::PowerOfTwo},
                                                {"round-robin", Kind::RoundRobin},
                                                {"least-conn", Kind::LeastConn},
                                                {"hash:client-ip", Kind::HashClientIp},
                                                {"hash:header:X", Kind::HashHeader},
                                                {"hash:cookie:X", Kind::HashCookie},
                                                {"first", Kind::First}};
  for (const auto& [name, kind] : cases) {
    EXPECT_EQ(policy_of(load_toml(site("balance = \"" + name + "\""))).balance.kind, kind);
  }
  EXPECT_FALSE(load_toml(site("balance = \"random\"")).ok());
  EXPECT_FALSE(load_toml(site("balance = \"hash:header:\"")).ok());
}

TEST(Routes, a_wish_that_is_wrong_says_what_to_write) {
  const std::pair<std::string, std::string> cases[] = {
      {"timeout = { connect = \"30\" }",
       "3:23 error: \"30\" is not a duration – write \"30s\", \"500ms\" or \"2m\""},
      {"timeout = { connect = 45 }",
       "3:23 error: \"45\" is not a duration – write \"45s\", \"500ms\" or \"2m\""},
      {"timeout = { connect = true }",
       "3:23 error: \"connect\" takes a duration such as \"30s\", not true or false"},
      {"timeout = \"30s\"", "3:11 error: \"timeout\" takes a table, not a string"},
      {"timeout = { idl = \"1s\" }",
       "3:13 error: unknown key \"idl\" in \"timeout\" of site \"a.com\""},
      {"retry = { times = 11 }", "3:19 error: \"times\" must be a whole number from 0 to 10"},
      {"retry = { times = \"2\" }", "3:19 error: \"times\" takes a whole number, not a string"},
      {"retry = { on = [\"500\"] }",
       "3:17 error: \"500\" is not a value of \"on\" – write \"connect\", \"429\", \"502\", "
       "\"503\" or "
       "\"504\""},
      {"limit = { body = \"20M\" }",
       "3:18 error: \"20M\" is not a size – write \"20MiB\", \"64KiB\" or a number of bytes"},
      {"limit = { inflight = -1 }",
       "3:22 error: \"inflight\" must be a whole number from 0 to 10000000"},
      {"limit = { response = \"1MiB\" }",
       "3:11 error: \"response\" of \"limit\" needs buffered responses"},
      {"buffer = true", "3:10 error: \"buffer\" takes a table, not true or false"},
      {"buffer = { memory = \"4KiB\", request = true }",
       "3:29 error: unknown key \"request\" in \"buffer\" of site \"a.com\""},
      {"buffer = { memory = 4095 }",
       "3:21 error: \"memory\" must be from 4096 to 1073741824 bytes"},
      {"rewrite = { strip = \"v1\" }", "3:21 error: path \"v1\" does not start with \"/\""},
      {"rewrite = { strip = \"/\" }", "3:21 error: \"strip\" has nothing to take off"},
      {"host = \"a b\"", "3:8 error: \"a b\" is not a host name"},
  };
  for (const auto& [line, problem] : cases) {
    EXPECT_EQ(problems(load_toml(site(line))), Strings{problem}) << line;
  }
}

}  // namespace
}  // namespace config::test
