// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/host_key.h"

#include <gtest/gtest.h>

#include <cctype>
#include <string>

namespace engine::route {
namespace {

std::string key(std::string_view received) { return std::string(HostKey(received).text()); }

TEST(HostKey, a_port_of_any_length_is_cut_off) {
  EXPECT_EQ(key("shop.test:8080"), "shop.test");
  EXPECT_EQ(key("shop.test:1"), "shop.test");
  EXPECT_EQ(key("shop.test:"), "shop.test");
  EXPECT_EQ(key("10.0.0.1:80"), "10.0.0.1");
}

TEST(HostKey, digits_at_the_end_of_a_name_are_no_port) {
  EXPECT_EQ(key("web1"), "web1");
  EXPECT_EQ(key("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(key("123"), "123");
}

TEST(HostKey, one_trailing_dot_is_cut_off_before_and_without_a_port) {
  EXPECT_EQ(key("shop.test."), "shop.test");
  EXPECT_EQ(key("shop.test.:80"), "shop.test");
  EXPECT_EQ(key("shop.test.."), "shop.test.");
  EXPECT_EQ(key("."), "");
}

TEST(HostKey, an_ipv6_literal_keeps_its_brackets_and_its_digits) {
  EXPECT_EQ(key("[::1]"), "[::1]");
  EXPECT_EQ(key("[::1]:443"), "[::1]");
  EXPECT_EQ(key("[2001:DB8::A]"), "[2001:db8::a]");
  EXPECT_TRUE(HostKey("[::1]").literal() && HostKey("[::1]").named());
  EXPECT_FALSE(HostKey("a").literal());
}

TEST(HostKey, what_is_no_name_becomes_a_key_that_equals_no_site) {
  EXPECT_EQ(key(""), "");
  EXPECT_EQ(key(":80"), "");
  EXPECT_EQ(key("::1"), ":");
  EXPECT_FALSE(HostKey("").named());
  EXPECT_FALSE(HostKey(".example.com").named());
}

TEST(HostKey, lower_case_changes_the_letters_and_no_other_octet_at_every_length) {
  for (std::size_t size = 1; size <= 40; ++size) {
    for (int octet = 0; octet < 256; ++octet) {
      if (octet == ':' || octet == '.') continue;
      const char raw = static_cast<char>(octet);
      const char lower = octet < 128 ? static_cast<char>(std::tolower(octet)) : raw;
      ASSERT_EQ(key(std::string(size, raw)), std::string(size, lower)) << size << " " << octet;
    }
  }
}

TEST(HostKey, the_limit_is_255_octets_without_port_and_dot) {
  EXPECT_TRUE(HostKey(std::string(254, 'a')).fits());
  EXPECT_TRUE(HostKey(std::string(255, 'a')).fits());
  EXPECT_TRUE(HostKey(std::string(255, 'a') + ".:65535").fits());
  EXPECT_FALSE(HostKey(std::string(256, 'a')).fits());
  EXPECT_FALSE(HostKey(std::string(100'000, 'a')).fits());
}

}  // namespace
}  // namespace engine::route
