// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/defaults.h"

#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace config::test {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(Defaults, apply_to_every_site_wherever_they_stand) {
  Result result =
      load_toml("[routes]\n\"a.com\" = 1\n\"b.com\" = 2\n[defaults]\ntimeout.connect = \"9s\"\n");

  ASSERT_TRUE(result.ok()) << only_message(result);
  for (const Site& site : result.config.sites) {
    EXPECT_EQ(site.policy.timeout.connect, Milliseconds(9'000));
    EXPECT_EQ(site.policy.timeout.first_byte, Milliseconds(kTimeoutFirstByte));
  }
}

TEST(Defaults, yield_to_the_site_key_by_key) {
  Result result = load_toml(
      "[defaults]\ntimeout = { connect = \"9s\", idle = \"8s\" }\nretry = { times = 4, on = "
      "[\"503\"] }\n[routes.\"a.com\"]\nto = 1\ntimeout.idle = \"1s\"\nretry.times = 0\n");

  ASSERT_TRUE(result.ok()) << only_message(result);
  const Policy& policy = result.config.sites[0].policy;
  EXPECT_EQ(policy.timeout.connect, Milliseconds(9'000));
  EXPECT_EQ(policy.timeout.idle, Milliseconds(1'000));
  EXPECT_EQ(policy.retry, (Retry{0, false, false, true, false}));
}

TEST(Defaults, headers_merge_by_name_without_regard_to_case) {
  Result result = load_toml(
      "[defaults.headers.request]\nset = { X-A = \"d\", X-B = \"d\", X-C = \"d\" }\n"
      "[routes.\"a.com\"]\nto = 1\nheaders.request = { set = { x-a = \"s\" }, remove = [\"X-B\"] "
      "}\n");

  ASSERT_TRUE(result.ok()) << only_message(result);
  const HeaderEdits& edits = result.config.sites[0].policy.request_headers;
  EXPECT_EQ(edits.set, (Pairs{{"X-C", "d"}, {"x-a", "s"}}));
  EXPECT_EQ(edits.remove, std::vector<std::string>{"X-B"});
}

TEST(Defaults, know_neither_targets_nor_rewrites) {
  EXPECT_EQ(only_message(load_toml("[defaults]\nto = 3000\n")),
            "\"to\" belongs to a site, not to [defaults]");
  EXPECT_EQ(only_message(load_toml("[defaults]\nrewrite = { strip = \"/a\" }\n")),
            "\"rewrite\" belongs to a site, not to [defaults]");
  EXPECT_EQ(only_message(load_toml("[defaults]\nupstream_tls = { insecure = true }\n")),
            "\"upstream_tls\" belongs to a site, not to [defaults]");
}

TEST(Defaults, leave_tls_to_a_table_of_its_own) {
  Result result = load_toml("[defaults]\ntls = { redirect = true }\n");

  EXPECT_EQ(only_message(result), "\"tls\" belongs to a site, not to [defaults]");
  EXPECT_EQ(only_hint(result), "write redirect and hsts in [tls]");
}

TEST(Defaults, an_error_in_them_is_reported_once) {
  Result result =
      load_toml("[defaults]\nbalanse = \"p2c\"\n[routes]\n\"a.com\" = 1\n\"b.com\" = 2\n");

  EXPECT_EQ(problems(result),
            std::vector<std::string>{"2:1 error: unknown key \"balanse\" in [defaults]"});
}

TEST(Defaults, of_an_empty_file_are_complete) {
  Result result = load_toml("");

  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.config.engine.workers, 0u);
  EXPECT_TRUE(result.config.engine.pin);
  EXPECT_EQ(result.config.engine.grace, Milliseconds(10'000));
  EXPECT_EQ(result.config.engine.limits.head_bytes, 65'536u);
  EXPECT_EQ(result.config.engine.limits.keepalive, Milliseconds(75'000));
  EXPECT_EQ(result.config.log.level, LogLevel::Info);
  EXPECT_EQ(result.config.log.access.output, AccessLog::Output::Stdout);
  EXPECT_TRUE(result.config.trusted_proxies.empty());
  EXPECT_EQ(result.config.proxy_protocol, ProxyProtocol::Off);
  EXPECT_EQ(result.config.tls.min, Tls::Version::Tls12);
  EXPECT_TRUE(result.config.tls.files.empty());
  EXPECT_TRUE(result.config.tls.local_ca);
}

}  // namespace
}  // namespace config::test
