// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/site_key.h"

#include <gtest/gtest.h>

namespace config {
namespace {

struct Good {
  std::string_view written, key, host, prefix;
};

TEST(SiteKey, is_a_host_and_a_path_prefix) {
  const Good cases[] = {
      {"shop.localhost", "shop.localhost", "shop.localhost", ""},
      {"Shop.LocalHost", "shop.localhost", "shop.localhost", ""},
      {"*.shop.localhost", "*.shop.localhost", "*.shop.localhost", ""},
      {"*", "*", "*", ""},
      {"*/api", "*/api", "*", "/api"},
      {"a.com/", "a.com", "a.com", ""},
      {"a.com/Docs/", "a.com/Docs/", "a.com", "/Docs/"},
      {"a.com/x%2Fy", "a.com/x%2Fy", "a.com", "/x%2Fy"},
      {"[0:0::1]/x", "[::1]/x", "[::1]", "/x"},
      {"127.0.0.1", "127.0.0.1", "127.0.0.1", ""},
      {"my_app.internal", "my_app.internal", "my_app.internal", ""},
  };
  for (const Good& good : cases) {
    auto key = parse_site_key(good.written);
    ASSERT_TRUE(key) << good.written << ": " << key.error().message;
    EXPECT_EQ(key->text, good.key);
    EXPECT_EQ(key->host, good.host);
    EXPECT_EQ(key->prefix, good.prefix);
  }
}

struct Bad {
  std::string_view written, message, hint;
};

TEST(SiteKey, that_is_wrong_says_what_to_write) {
  const Bad cases[] = {
      {"", "a site needs a host", "write \"*\" for every host"},
      {"/docs", "site \"/docs\" has no host", "write \"*/docs\" for every host"},
      {"a.com:80", "site \"a.com:80\" has a port; a site answers on every listener",
       "write \"a.com\""},
      {"[::1]:80", "site \"[::1]:80\" has a port; a site answers on every listener",
       "write \"[::1]\""},
      {"https://a.com/x", "site \"https://a.com/x\" starts with a scheme", "write \"a.com/x\""},
      {"::1", "site \"::1\" is an IPv6 address without brackets", "write \"[::1]\""},
      {"bücher.de", "host \"bücher.de\" is not ASCII", "write the punycode form, \"xn--…\""},
      {"a.com.", "host \"a.com.\" ends with a dot", "write \"a.com\""},
      {"a.*.com", "site \"a.*.com\": \"*\" stands for the leftmost label only",
       "write \"*.example.com\", or \"*\" alone"},
      {"a.com/x*", "path \"/x*\" has a \"*\"", "leave it out: a path covers everything below it"},
      {"a.com/ä", "path \"/ä\" is not ASCII", "write it with %XX"},
      {"1.2.3", "\"1.2.3\" is not an IPv4 address", ""},
  };
  for (const Bad& bad : cases) {
    auto key = parse_site_key(bad.written);
    ASSERT_FALSE(key) << bad.written;
    EXPECT_EQ(key.error().message, bad.message);
    EXPECT_EQ(key.error().hint, bad.hint);
  }
}

TEST(SiteKey, with_a_host_or_path_no_request_can_have_is_refused) {
  for (std::string_view written :
       {"a b.com",   "-a.com",       "a-.com",     "a..com",    "*a.com",
        "**",        "*.*.com",      "[::g]",      "[::1",      "a.com/x y",
        "a.com//x",  "a.com/x/../y", "a.com/./x",  "a.com/x?y", "a.com/x#y",
        "a.com/%zz", "a.com/%2",     "a.com/x\\y", "a\x01.com", "a.com/\x7f"}) {
    EXPECT_FALSE(parse_site_key(written)) << written;
  }
}

TEST(SiteKey, labels_end_at_63_bytes_and_hosts_at_253) {
  std::string label(63, 'a');
  EXPECT_TRUE(parse_site_key(label));
  EXPECT_FALSE(parse_site_key(label + "a"));

  std::string host = label + "." + label + "." + label + "." + std::string(61, 'a');
  EXPECT_TRUE(parse_site_key(host));
  EXPECT_FALSE(parse_site_key(host + "a"));
}

}  // namespace
}  // namespace config
