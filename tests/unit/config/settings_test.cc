// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace config::test {
namespace {

using Strings = std::vector<std::string>;

Strings listeners(const std::string& value) {
  Strings out;
  for (const Listener& one : load_toml("listen = " + value).config.listen)
    out.push_back(one.text());
  return out;
}

TEST(Settings, listen_takes_strings_numbers_and_lists) {
  EXPECT_EQ(listeners("\":80\""), Strings{":80"});
  EXPECT_EQ(listeners("8080"), Strings{":8080"});
  EXPECT_EQ(listeners("\"8080\""), Strings{":8080"});
  EXPECT_EQ(listeners("[\":80\", \"127.0.0.1:81\", 82, \"[::1]:83\"]"),
            (Strings{":80", "127.0.0.1:81", ":82", "[::1]:83"}));
}

TEST(Settings, listeners_that_overlap_are_refused) {
  EXPECT_EQ(only_message(load_toml("listen = [80, \":80\"]")), "\":80\" is listed twice");
  EXPECT_EQ(only_message(load_toml("listen = [\"127.0.0.1:80\", \":80\"]")),
            "\"127.0.0.1:80\" and \":80\" overlap: a port without a host means every address");
  EXPECT_TRUE(load_toml("listen = [\":0\", \":0\", \"127.0.0.1:80\", \"[::1]:80\"]").ok());
  EXPECT_EQ(only_message(load_toml("listen = []")), "\"listen\" is empty");
}

TEST(Settings, top_level_tables_of_a_later_version_are_not_ignored) {
  for (std::string name : {"wake", "docker", "trace", "cluster"}) {
    EXPECT_EQ(problems(load_toml("[" + name + "]\nx = 1\n")),
              Strings{"1:2 error: \"" + name + "\" is not supported by this version"});
  }
}

TEST(Settings, an_unknown_top_level_key_gets_a_suggestion) {
  EXPECT_EQ(only_hint(load_toml("listn = 80")), "did you mean \"listen\"?");
  EXPECT_EQ(only_hint(load_toml("[route]\n\"a.com\" = 1")), "did you mean \"routes\"?");
}

TEST(Settings, routes_must_be_a_table) {
  EXPECT_EQ(only_message(load_toml("routes = 3")), "\"routes\" is not a table");
  EXPECT_EQ(only_message(load_toml("[[routes]]\n\"a.com\" = 1")), "\"routes\" is not a table");
}

TEST(Settings, engine_reads_every_key) {
  Result result = load_toml(
      "[engine]\nworkers = 4\nio = \"uring\"\nupstream = { max_connections = 6, max_idle = 8, "
      "keepalive = \"5s\" }\n"
      "grace = \"1m\"\npin = false\nlimits = { headers = \"32KiB\", line = 8192, fields = 64, "
      "connections = 10, concurrency = 7, requests = 0, keepalive = \"1s\", head = \"2s\", body = "
      "\"3s\", "
      "lifetime = \"4s\", header_out = \"16KiB\", h2_streams = 9 }\n");

  ASSERT_TRUE(result.ok()) << only_message(result);
  using std::chrono_literals::operator""s;
  EngineLimits limits{32 * 1024, 8192, 64, 10, 7, 0, 1s, 2s, 3s, 4s, 16 * 1024, 9};
  EXPECT_EQ(result.config.engine,
            (Engine{4, Engine::Io::Uring, UpstreamPool{6, 8, 5s}, 60s, false, limits}));
}

TEST(Settings, an_engine_value_out_of_range_is_refused) {
  const std::pair<std::string, std::string> cases[] = {
      {"workers = 0", "2:11 error: \"workers\" must be a whole number from 1 to 1024"},
      {"workers = 1025", "2:11 error: \"workers\" must be a whole number from 1 to 1024"},
      {"workers = \"many\"", "2:11 error: \"many\" is not a number of workers"},
      {"io = \"epoll\"", "2:6 error: io = \"epoll\" is not supported by this version"},
      {"pin = \"yes\"", "2:7 error: \"pin\" takes true or false, not a string"},
      {"limits = { fields = 15 }", "2:21 error: \"fields\" must be a whole number from 16 to 256"},
      {"limits = { headers = 1 }", "2:22 error: \"headers\" must be from 4096 to 16777216 bytes"},
      {"limits = { h2_streams = 0 }",
       "2:25 error: \"h2_streams\" must be a whole number from 1 to 10000"},
      {"limits = { line = \"128KiB\" }",
       "2:12 error: engine.limits: line (131072 bytes) is larger than headers (65536 bytes), the "
       "whole head"},
  };
  for (const auto& [line, problem] : cases) {
    EXPECT_EQ(problems(load_toml("[engine]\n" + line + "\n")), Strings{problem}) << line;
  }
  EXPECT_TRUE(load_toml("[engine]\nworkers = \"auto\"\n").ok());
}

TEST(Settings, access_log_may_be_off_or_a_table) {
  EXPECT_EQ(load_toml("[log]\naccess = \"off\"\n").config.log.access.output,
            AccessLog::Output::Off);
  Result result = load_toml(
      "[log]\nlevel = \"debug\"\naccess = { to = \"a.log\", format = \"json\", skip = "
      "[\"/healthz\"], slow = \"1s\", sample = 0.5 }\n");

  ASSERT_TRUE(result.ok()) << only_message(result);
  EXPECT_EQ(result.config.log.level, LogLevel::Debug);
  AccessLog expected{AccessLog::Output::File, "a.log", AccessLog::Format::Json, {"/healthz"},
                     Milliseconds(1'000),     0.5};
  EXPECT_EQ(result.config.log.access, expected);
}

TEST(Settings, a_log_value_that_is_wrong_is_refused) {
  for (std::string line : {"level = \"warning\"", "access = true", "access = \"stdout\"",
                           "access = { format = \"combined\" }", "access = { sample = 1.1 }",
                           "access = { sample = nan }", "access = { skip = [\"x\"] }",
                           "access = { to = \"\" }", "redact = true", "redact = [1]",
                           "redact = [\"\"]", "redact = [\"a=\"]", "redact = [\"a&b\"]"}) {
    EXPECT_FALSE(load_toml("[log]\n" + line + "\n").ok()) << line;
  }
}

TEST(Settings, what_the_log_hides_has_a_default_that_a_list_replaces) {
  const std::vector<std::string> usual = load_toml("").config.log.redact;
  EXPECT_EQ(usual, Strings({"access_token", "api_key", "apikey", "client_secret", "id_token", "key",
                            "password", "refresh_token", "secret", "sig", "signature", "token",
                            "x-amz-signature", "x-amz-security-token", "x-goog-signature"}));
  EXPECT_EQ(load_toml("[log]\nredact = [\"code\"]\n").config.log.redact, Strings{"code"});
  EXPECT_EQ(load_toml("[log]\nredact = []\n").config.log.redact, Strings());
}

TEST(Settings, the_log_hides_so_many_parameters_at_most) {
  const auto with = [](std::size_t count) {
    std::string list;
    for (std::size_t i = 0; i < count; ++i) list += fmt::format("\"p{}\", ", i);
    return load_toml("[log]\nredact = [" + list + "]\n");
  };
  EXPECT_TRUE(with(kRedactedMax).ok());
  EXPECT_EQ(only_message(with(kRedactedMax + 1)), "\"redact\" names more than 64 parameters");
}

TEST(Settings, trust_lists_networks) {
  Result result = load_toml("[trust]\nproxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\n");

  ASSERT_TRUE(result.ok()) << only_message(result);
  ASSERT_EQ(result.config.trusted_proxies.size(), 2u);
  EXPECT_EQ(result.config.trusted_proxies[1].text(), "10.0.0.0/8");
  EXPECT_FALSE(load_toml("[trust]\nproxies = [\"10.0.0.1/8\"]\n").ok());
}

std::string trust(const std::string& lines) {
  return "[trust]\nproxies = [\"10.0.0.0/8\"]\n" + lines + "\n";
}

TEST(Settings, proxy_protocol_is_off_until_it_is_wanted) {
  EXPECT_EQ(load_toml(trust("")).config.proxy_protocol, ProxyProtocol::Off);
  const std::pair<std::string, ProxyProtocol> cases[] = {{"off", ProxyProtocol::Off},
                                                         {"optional", ProxyProtocol::Optional},
                                                         {"required", ProxyProtocol::Required}};
  for (const auto& [word, meaning] : cases) {
    Result result = load_toml(trust("proxy_protocol = \"" + word + "\""));
    ASSERT_TRUE(result.ok()) << only_message(result);
    EXPECT_EQ(result.config.proxy_protocol, meaning) << word;
  }
}

TEST(Settings, a_proxy_protocol_that_is_wrong_says_what_to_write) {
  const std::pair<std::string, std::string> cases[] = {
      {"proxy_protocol = \"requird\"",
       "3:18 error: \"requird\" is not a value of \"proxy_protocol\" – write \"off\", "
       "\"optional\" or \"required\""},
      {"proxy_protocol = true", "3:18 error: \"proxy_protocol\" takes a string, not true or false"},
      {"proxy_protocl = \"off\"", "3:1 error: unknown key \"proxy_protocl\" in [trust]"},
  };
  for (const auto& [line, problem] : cases) {
    EXPECT_EQ(problems(load_toml(trust(line))), Strings{problem}) << line;
  }
  EXPECT_EQ(only_hint(load_toml(trust("proxy_protocl = \"off\""))),
            "did you mean \"proxy_protocol\"?");
}

TEST(Settings, proxy_protocol_needs_somebody_to_believe) {
  for (std::string lines : {"proxy_protocol = \"optional\"", "proxy_protocol = \"required\"",
                            "proxy_protocol = \"required\"\nproxies = []"}) {
    Result result = load_toml("[trust]\n" + lines + "\n");

    EXPECT_EQ(problems(result), Strings{"2:1 error: \"proxy_protocol\" would believe nobody: "
                                        "\"proxies\" of [trust] is empty"});
    EXPECT_EQ(only_hint(result),
              "set proxies to the addresses that send it, for example [\"10.0.0.0/8\"]");
  }
  EXPECT_TRUE(load_toml("[trust]\nproxy_protocol = \"off\"\n").ok());
}

}  // namespace
}  // namespace config::test
