// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/escape.h"

#include <gtest/gtest.h>

#include <string>

namespace engine::proxy {
namespace {

TEST(Escape, plain_text_stays_as_it_is_in_json) {
  EXPECT_EQ(json_escape("GET /a?b=c HTTP/1.1 <&'~"), "GET /a?b=c HTTP/1.1 <&'~");
  EXPECT_EQ(json_escape(""), "");
}

TEST(Escape, quotes_backslashes_and_controls_are_escaped_in_json) {
  EXPECT_EQ(json_escape("a\"b\\c"), "a\\\"b\\\\c");
  EXPECT_EQ(json_escape(std::string_view("\n\0\x7f", 3)), "\\u000a\\u0000\\u007f");
}

TEST(Escape, only_valid_utf8_passes_into_json) {
  EXPECT_EQ(json_escape("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
            "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(json_escape("a\xff\xc3"), "a\\ufffd\\ufffd");
  EXPECT_EQ(json_escape("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd") << "a surrogate";
  EXPECT_EQ(json_escape("\xc0\xaf"), "\\ufffd\\ufffd") << "an overlong form";
}

TEST(Escape, escaped_text_is_appended_behind_what_is_there) {
  std::string line = "{\"ua\":\"";
  append_json_escaped(line, "x\"y");
  EXPECT_EQ(line, "{\"ua\":\"x\\\"y");
}

TEST(Escape, nothing_opens_a_tag_or_an_attribute_in_html) {
  EXPECT_EQ(html_escape("<a href=\"x\" b='y'>&"),
            "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;");
}

TEST(Escape, structured_fields_keep_printable_ascii_only) {
  EXPECT_EQ(structured_escape("a\"\\\r\n\xc3\xa4z"), "a\\\"\\\\z");
}

}  // namespace
}  // namespace engine::proxy
