// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/der.h"

#include <gtest/gtest.h>

namespace tls::der {
namespace {

using namespace std::string_literals;

TEST(Der, length_takes_as_few_bytes_as_it_can) {
  EXPECT_EQ(octet_string(std::string(127, 'a')).substr(0, 3),
            "\x04\x7f"
            "a");
  EXPECT_EQ(octet_string(std::string(128, 'a')).substr(0, 4),
            "\x04\x81\x80"
            "a");
  EXPECT_EQ(octet_string(std::string(255, 'a')).substr(0, 4),
            "\x04\x81\xff"
            "a");
  EXPECT_EQ(octet_string(std::string(256, 'a')).substr(0, 5),
            "\x04\x82\x01\x00"
            "a"s);
  EXPECT_EQ(octet_string(""), "\x04\x00"s);
}

TEST(Der, integer_is_short_and_never_negative) {
  EXPECT_EQ(integer(""), "\x02\x01\x00"s);
  EXPECT_EQ(integer("\0\0"s), "\x02\x01\x00"s);
  EXPECT_EQ(integer("\x7f"), "\x02\x01\x7f");
  EXPECT_EQ(integer("\x80"), "\x02\x02\x00\x80"s);
  EXPECT_EQ(integer("\x00\x00\x01\x00"s), "\x02\x02\x01\x00"s);
}

TEST(Der, arcs_above_127_take_several_bytes) {
  EXPECT_EQ(oid({2, 5, 29, 19}), "\x06\x03\x55\x1d\x13");
  EXPECT_EQ(oid({1, 2, 840, 10045, 3, 1, 7}), "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07");
  EXPECT_EQ(oid({1, 3, 127, 128, 16383, 16384}), "\x06\x09\x2b\x7f\x81\x00\xff\x7f\x81\x80\x00"s);
  EXPECT_EQ(oid({0, 0, 4294967295}), "\x06\x06\x00\x8f\xff\xff\xff\x7f"s);
}

TEST(Der, elements_hold_elements) {
  EXPECT_EQ(sequence({boolean_true(), integer("\x05")}), "\x30\x06\x01\x01\xff\x02\x01\x05");
  EXPECT_EQ(sequence({}), "\x30\x00"s);
  EXPECT_EQ(set(utf8_string("a")),
            "\x31\x03\x0c\x01"
            "a");
  EXPECT_EQ(context(3, {sequence({})}), "\xa3\x02\x30\x00"s);
  EXPECT_EQ(context_primitive(2, "a"),
            "\x82\x01"
            "a");
  EXPECT_EQ(bit_string("\x06", 1), "\x03\x02\x01\x06");
}

TEST(Der, time_changes_its_form_with_the_year_2050) {
  EXPECT_EQ(time(0),
            "\x17\x0d"
            "700101000000Z");
  EXPECT_EQ(time(-1),
            "\x17\x0d"
            "691231235959Z");
  EXPECT_EQ(time(2524607999),
            "\x17\x0d"
            "491231235959Z");
  EXPECT_EQ(time(2524608000),
            "\x18\x0f"
            "20500101000000Z");
  EXPECT_EQ(time(253402300799),
            "\x18\x0f"
            "99991231235959Z");
}

}  // namespace
}  // namespace tls::der
