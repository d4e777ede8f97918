// SPDX-License-Identifier: GPL-3.0-or-later
// What a site believes of its clients, where it sends them, and what it counts: canonical_host,
// client_ip_header, forward_headers, scope_cookies, metrics.
#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace config::test {
namespace {

using Strings = std::vector<std::string>;

std::string site(const std::string& lines, const std::string& host = "a.com") {
  return "[routes.\"" + host + "\"]\nto = 3000\n" + lines + "\n";
}

TEST(Clients, every_key_is_read_in_sites_and_in_defaults) {
  const std::string lines =
      "canonical_host = \"A.com\"\nclient_ip_header = \"CF-Connecting-IP\"\n"
      "forward_headers = true\nscope_cookies = true\nmetrics.skip = [\"/healthz\"]";
  for (const std::string& text : {site(lines), "[defaults]\n" + lines + "\n" + site("")}) {
    const Result result = load_toml(text);
    ASSERT_TRUE(result.ok()) << only_message(result);
    const Policy& policy = result.config.sites[0].policy;
    EXPECT_EQ(policy.canonical_host.name, "a.com");
    EXPECT_EQ(policy.client_ip_header, "CF-Connecting-IP");
    EXPECT_TRUE(policy.forward_headers);
    EXPECT_TRUE(policy.scope_cookies);
    EXPECT_EQ(policy.uncounted_paths, Strings{"/healthz"});
  }
}

TEST(Clients, nothing_of_it_holds_by_itself_and_a_site_can_switch_it_off) {
  EXPECT_EQ(load_toml(site("")).config.sites[0].policy, Policy());
  const Result result = load_toml(
      "[defaults]\ncanonical_host = \"nowhere\"\nclient_ip_header = \"X\"\nmetrics.skip = "
      "[\"/x\"]\n" +
      site("canonical_host = \"\"\nclient_ip_header = \"\"\nmetrics.skip = []"));
  ASSERT_TRUE(result.ok()) << only_message(result);
  EXPECT_EQ(result.config.sites[0].policy, Policy());
}

TEST(Clients, wrong_values_are_told_of_all_at_once) {
  const struct {
    const char* line;
    const char* message;
  } kCases[] = {
      {"canonical_host = \"a.com/x\"", "\"a.com/x\" is not the name of one host"},
      {"canonical_host = \"*.a.com\"", "\"*.a.com\" is not the name of one host"},
      {"canonical_host = \"https://a.com\"", "site \"https://a.com\" starts with a scheme"},
      {"canonical_host = \"a.com:80\"",
       "site \"a.com:80\" has a port; a site answers on every listener"},
      {"client_ip_header = \"X Y\"", "\"X Y\" is not the name of a header"},
      {"metrics.skip = [\"healthz\"]", "\"healthz\" is not a path"},
      {"metrics.skip = [\"/x?y\"]", "\"/x?y\" is not a path"},
  };
  std::string all;
  for (const auto& c : kCases) {
    EXPECT_EQ(only_message(load_toml(site(c.line))), c.message);
    if (!all.contains(std::string(c.line).substr(0, 6))) all += c.line + std::string("\n");
  }
  EXPECT_EQ(load_toml(site(all)).diagnostics.size(), 3U);
}

TEST(Clients, a_canonical_host_without_a_site_is_an_error_at_its_key_and_told_once) {
  EXPECT_EQ(problems(load_toml(site("canonical_host = \"b.com\""))),
            Strings{"3:1 error: canonical_host \"b.com\" is the host of no site"});
  EXPECT_EQ(problems(load_toml("[defaults]\ncanonical_host = \"b.com\"\n" + site("") +
                               site("", "c.com"))),
            Strings{"2:1 error: canonical_host \"b.com\" is the host of no site"});
  for (const char* host : {"b.com", "b.com/x", "*", "*.com"}) {
    const Result result = load_toml(site("canonical_host = \"b.com\"") + site("", host));
    EXPECT_TRUE(result.ok()) << host;
  }
}

TEST(Clients, canonical_hosts_do_not_send_clients_in_circles) {
  const Result result =
      load_toml(site("canonical_host = \"b.com\"") + site("canonical_host = \"a.com\"", "b.com"));
  EXPECT_EQ(problems(result), (Strings{"3:1 error: \"a.com\" is the canonical host of another "
                                       "site, and would be redirected to \"b.com\"",
                                       "6:1 error: \"b.com\" is the canonical host of another "
                                       "site, and would be redirected to \"a.com\""}));
  EXPECT_TRUE(
      load_toml(site("canonical_host = \"b.com\"") + site("canonical_host = \"b.com\"", "b.com"))
          .ok());
}

}  // namespace
}  // namespace config::test
