// SPDX-License-Identifier: GPL-3.0-or-later
// `cors` of a site and of [defaults].
#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace config::test {
namespace {

using Strings = std::vector<std::string>;

std::string site(const std::string& lines, const std::string& to = "3000") {
  return "[routes.\"a.com\"]\nto = " + to + "\n" + lines + "\n";
}

Cors cors_of(const Result& result) {
  EXPECT_TRUE(result.ok()) << only_message(result);
  return result.ok() ? result.config.sites[0].policy.cors : Cors();
}

TEST(SiteCors, has_defaults_for_all_but_the_origins) {
  EXPECT_EQ(cors_of(load_toml(site(""))).origins, Strings());
  const Cors cors = cors_of(load_toml(site("cors = { origins = \"https://b.com\" }")));
  EXPECT_EQ(cors.origins, Strings{"https://b.com"});
  EXPECT_EQ(cors.methods, (Strings{"GET", "HEAD", "POST"}));
  EXPECT_EQ(cors.headers, Strings());
  EXPECT_FALSE(cors.credentials);
  EXPECT_EQ(cors.max_age, std::nullopt);
}

TEST(SiteCors, takes_all_that_it_knows) {
  const Cors cors = cors_of(load_toml(site(
      "cors = { origins = [\"https://b.com\", \"loopback\"], methods = [\"GET\", \"M-SEARCH\"], "
      "headers = [\"Content-Type\"], credentials = true, max_age = \"10m\" }")));
  EXPECT_EQ(cors.origins, (Strings{"https://b.com", "loopback"}));
  EXPECT_EQ(cors.methods, (Strings{"GET", "M-SEARCH"}));
  EXPECT_EQ(cors.headers, Strings{"Content-Type"});
  EXPECT_TRUE(cors.credentials);
  EXPECT_EQ(cors.max_age, Milliseconds(600'000));
}

TEST(SiteCors, an_origin_becomes_what_browsers_write) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"HTTPS://App.Example.com", "https://app.example.com"},
      {"https://b.com:443", "https://b.com"},
      {"http://b.com:80", "http://b.com"},
      {"http://b.com:443", "http://b.com:443"},
      {"https://b.com:8443", "https://b.com:8443"},
      {"https://*.b.com:8443", "https://*.b.com:8443"},
      {"http://[0:0::1]:3000", "http://[::1]:3000"},
      {"http://10.0.0.1:3000", "http://10.0.0.1:3000"},
      {"capacitor://localhost", "capacitor://localhost"},
      {"chrome-extension://abcdefghijklmnopabcdefghijklmnop",
       "chrome-extension://abcdefghijklmnopabcdefghijklmnop"},
      {"Loopback", "loopback"},
      {"*", "*"},
  };
  for (const auto& [written, meant] : cases) {
    EXPECT_EQ(cors_of(load_toml(site("cors.origins = \"" + written + "\""))).origins,
              Strings{meant})
        << written;
  }
}

TEST(SiteCors, what_is_no_origin_is_refused) {
  for (std::string wrong : {"",
                            "b.com",
                            "//b.com",
                            "https://",
                            "https:b.com",
                            "null",
                            "https://b.com/",
                            "https://b.com/x",
                            "https://u@b.com",
                            "https://b.com?x",
                            "https://b.com#x",
                            "https://b.com:0",
                            "https://b.com:x",
                            "https://*",
                            "https://*b.com",
                            "https://a.*.com",
                            "https://*.[::1]",
                            "https://*.10.0.0.1",
                            "*://b.com",
                            "https://b c.com",
                            "https://bücher.de",
                            "1http://b.com"}) {
    const Result result = load_toml(site("cors.origins = [\"" + wrong + "\"]"));
    EXPECT_EQ(result.diagnostics.size(), 1U) << wrong;
    EXPECT_FALSE(result.ok()) << wrong;
  }
}

TEST(SiteCors, a_path_after_an_origin_is_named_with_what_to_write) {
  const Result result = load_toml(site("cors.origins = \"https://b.com/\""));
  EXPECT_EQ(only_message(result),
            "origin \"https://b.com/\" is more than a scheme, a host and a port");
  EXPECT_EQ(only_hint(result), "write \"https://b.com\"");
}

TEST(SiteCors, other_values_that_are_wrong_are_refused) {
  for (std::string wrong :
       {"methods = [\"get\"]", "methods = [\"*\"]", "methods = [\"GET POST\"]", "methods = [\"\"]",
        "headers = [\"Content Type\"]", "headers = [\"A:\"]", "headers = [\"*\", \"A\"]",
        "credentials = \"yes\"", "max_age = \"1.5s\"", "max_age = 10", "expose = [\"A\"]"}) {
    const Result result = load_toml(site("cors = { origins = \"loopback\", " + wrong + " }"));
    EXPECT_EQ(result.diagnostics.size(), 1U) << wrong;
    EXPECT_FALSE(result.ok()) << wrong;
  }
}

TEST(SiteCors, any_origin_stands_alone) {
  EXPECT_EQ(only_message(load_toml(site("cors.origins = [\"https://b.com\", \"*\"]"))),
            "\"*\" in \"origins\" of \"cors\" stands for everything");
}

TEST(SiteCors, any_origin_with_credentials_is_refused_wherever_the_two_meet) {
  const std::string message = "\"cors\" allows any origin with credentials, which browsers refuse";
  EXPECT_EQ(only_message(load_toml(site("cors = { origins = \"*\", credentials = true }"))),
            message);
  EXPECT_EQ(only_message(load_toml("[defaults]\ncors = { origins = \"*\", credentials = true }\n")),
            message);
  EXPECT_EQ(
      problems(load_toml("[defaults]\ncors.origins = \"*\"\n" + site("cors.credentials = true"))),
      Strings{"5:1 error: " + message});
  EXPECT_TRUE(load_toml(site("cors = { origins = \"loopback\", credentials = true }")).ok());
}

TEST(SiteCors, a_site_wins_over_defaults_key_by_key_and_may_switch_it_off) {
  const std::string defaults =
      "[defaults]\ncors = { origins = \"loopback\", methods = [\"PUT\"], max_age = \"1h\" }\n";
  const Cors cors =
      cors_of(load_toml(defaults + site("cors = { methods = [\"GET\"], max_age = \"0s\" }")));
  EXPECT_EQ(cors.origins, Strings{"loopback"});
  EXPECT_EQ(cors.methods, Strings{"GET"});
  EXPECT_EQ(cors.max_age, Milliseconds(0));
  EXPECT_EQ(cors_of(load_toml(defaults + site("cors.origins = []"))).origins, Strings());
}

TEST(SiteCors, without_origins_it_is_refused) {
  const Result result = load_toml(site("cors = { methods = [\"GET\"] }"));
  EXPECT_EQ(only_message(result), "\"cors\" needs \"origins\"");
  EXPECT_EQ(only_hint(result),
            "write for example cors = { origins = \"https://app.example.com\" }");
}

TEST(SiteCors, a_header_that_it_sets_is_not_set_a_second_time) {
  const std::string message = "header \"access-control-allow-origin\" is set by \"cors\" already";
  const std::string set = "headers.response.set = { access-control-allow-origin = \"*\" }";
  EXPECT_EQ(only_message(load_toml(site("cors.origins = \"loopback\"\n" + set))), message);
  EXPECT_EQ(only_message(load_toml("[defaults]\n" + set + "\n" + site("cors.origins = \"*\""))),
            message);
  EXPECT_EQ(only_message(load_toml(site("cors.origins = \"*\"\nheaders.response.default = { "
                                        "access-control-allow-origin = \"*\" }"))),
            message);
  EXPECT_TRUE(load_toml(site(set)).ok());
  EXPECT_TRUE(load_toml(site("cors.origins = \"*\"\nheaders.response.set = { "
                             "Access-Control-Expose-Headers = \"ETag\" }"))
                  .ok());
}

TEST(SiteCors, is_for_answers_of_the_engine_too_but_not_for_tls_that_passes) {
  EXPECT_TRUE(load_toml(site("cors.origins = \"*\"", "\"status:204\"")).diagnostics.empty());
  EXPECT_EQ(only_message(load_toml(site("cors.origins = \"*\"", "\"tls-passthrough:db:443\""))),
            "\"cors\" has no effect: no request of this site is forwarded");
}

TEST(SiteCors, names_so_many_at_most) {
  const auto with = [](std::size_t count) {
    std::string list;
    for (std::size_t i = 0; i < count; ++i) list += fmt::format("\"https://h{}.com\", ", i);
    return load_toml(site("cors.origins = [" + list + "]"));
  };
  EXPECT_TRUE(with(kCorsNamesMax).ok());
  EXPECT_EQ(only_message(with(kCorsNamesMax + 1)),
            "\"origins\" of \"cors\" has more than 64 entries");
}

}  // namespace
}  // namespace config::test
