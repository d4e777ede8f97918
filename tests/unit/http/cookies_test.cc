// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/cookies.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/allocation_count.h"

namespace engine::http {
namespace {

// Each with the name that a parser would have recognised.
std::vector<Field> fields_of(const std::vector<std::string_view>& cookies) {
  std::vector<Field> fields = {{.name = "Host", .value = "lb=host", .known = FieldName::Host}};
  for (const std::string_view cookie : cookies)
    fields.push_back({.name = "cookie", .value = cookie, .known = FieldName::Cookie});
  fields.push_back({.name = "X-Cookie", .value = "lb=other"});
  return fields;
}

std::string value(const std::vector<std::string_view>& cookies, std::string_view name = "lb") {
  return std::string(cookie_value(fields_of(cookies), name));
}

TEST(Cookies, a_cookie_is_found_wherever_it_stands_in_the_list) {
  EXPECT_EQ(value({"lb=1"}), "1");
  EXPECT_EQ(value({"a=0; lb=1; c=2"}), "1");
  EXPECT_EQ(value({"a=0; b=2; lb=1"}), "1");
  EXPECT_EQ(value({"lb=1;a=0"}), "1");
}

TEST(Cookies, one_that_is_not_there_is_empty) {
  for (const std::string_view list :
       {"", ";", "=", ";;=;", "lb", "xlb=1", "lbx=1", "LB=1", "x=lb=1", "a=\"; b=2", "=lb=1"}) {
    EXPECT_EQ(value({list}), "") << list;
  }
  EXPECT_EQ(value({}), "");
  EXPECT_EQ(value({"lb="}), "");
  EXPECT_EQ(value({"lb=\"\""}), "");
}

TEST(Cookies, spaces_and_quotes_around_a_value_do_not_belong_to_it) {
  EXPECT_EQ(value({"a=0;   lb = \t1 \t; c=2"}), "1");
  EXPECT_EQ(value({"lb=\"a b\""}), "a b");
  EXPECT_EQ(value({"lb= \"1\" "}), "1");
  EXPECT_EQ(value({"lb=\""}), "\"");
  EXPECT_EQ(value({"lb=\"1"}), "\"1");
}

TEST(Cookies, a_value_goes_to_the_next_semicolon_even_in_quotes) {
  EXPECT_EQ(value({"lb=a=b=c"}), "a=b=c");
  EXPECT_EQ(value({"lb=\"1;2\""}), "\"1");
}

TEST(Cookies, the_list_may_be_split_over_fields) {
  EXPECT_EQ(value({"a=0", "b=2", "lb=1"}), "1");
  EXPECT_EQ(value({"a=0; ", "lb=1; b=2"}), "1");
}

TEST(Cookies, the_first_of_one_name_counts) { EXPECT_EQ(value({"lb=1; lb=2", "lb=3"}), "1"); }

TEST(Cookies, looking_for_one_allocates_nothing) {
  const std::vector<Field> fields = fields_of({"session=0123456789012345678901234567890; a=0",
                                               "lb=0123456789012345678901234567890123456789"});
  const std::uint64_t before = support::allocation_count();
  EXPECT_EQ(cookie_value(fields, "lb").size(), 40U);
  EXPECT_EQ(support::allocation_count(), before);
}

TEST(Cookies, the_path_of_one_that_is_set_for_its_host_alone_is_found) {
  const struct {
    std::string_view cookie, path;
  } kCases[] = {
      {"a=1; Path=/x", "/x"},
      {"a=;path=/", "/"},
      {"a=\"1\"; Secure; PATH=/x/y ; Max-Age=1", "/x/y"},
      {"a=1; Path=/x; Path=/y", "/y"},
      {"a=1; Path=/x; Path", ""},
      {"a=1; Path=/x; Domain=", "/x"},
      {"a=1; Path=/x; Domain=b.test; Domain=a.test", "/x"},
      {"a=1; Path=/x; Domain=a.test; Domain=b.test", ""},
      {"a=1; Path=\"/x\"", ""},
      {"a=1; Pathology=/x", ""},
      {"a=1; Path", ""},
      {"a=1;;; Path=/x;", "/x"},
      {"=1; Path=/x", ""},
      {"a; Path=/x", ""},
      {"; Path=/x", ""},
      {"", ""},
  };
  for (const auto& c : kCases) EXPECT_EQ(own_cookie_path(c.cookie, "A.test"), c.path) << c.cookie;
}

}  // namespace
}  // namespace engine::http
