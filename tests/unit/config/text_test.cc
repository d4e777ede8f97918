// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/text.h"

#include <gtest/gtest.h>

#include "config/source.h"
#include "config/suggest.h"

namespace config {
namespace {

TEST(Text, first_byte_that_is_not_utf8_is_found) {
  EXPECT_EQ(find_invalid_utf8("aä€😀"), std::nullopt);
  EXPECT_EQ(find_invalid_utf8("a\xff"), 1u);
  EXPECT_EQ(find_invalid_utf8("\xc0\x80"), 0u) << "overlong";
  EXPECT_EQ(find_invalid_utf8("\xed\xa0\x80"), 0u) << "surrogate";
  EXPECT_EQ(find_invalid_utf8("\xf4\x90\x80\x80"), 0u) << "above U+10FFFF";
  EXPECT_EQ(find_invalid_utf8("ab\xe2\x82"), 2u) << "cut short";
}

TEST(Text, message_never_carries_a_control_character) {
  EXPECT_EQ(in_quotes("a\x1b[31m\n"), "\"a\\x1b[31m\\x0a\"");
  EXPECT_EQ(in_quotes("\xc2\x9b"), "\"\\xc2\\x9b\"") << "C1 controls move a terminal too";
}

TEST(Text, json_string_is_escaped) {
  EXPECT_EQ(json_string("a\"b\\c\n\x01ä\xff"), "\"a\\\"b\\\\c\\u000a\\u0001ä\\ufffd\"");
}

TEST(Suggest, nearest_word_is_within_two_typing_mistakes) {
  constexpr std::string_view kKnown[] = {"health", "headers", "to", "timeout", "first_byte"};
  EXPECT_EQ(nearest("heatlh", kKnown), "health") << "swapped neighbours";
  EXPECT_EQ(nearest("helth", kKnown), "health") << "one missing";
  EXPECT_EQ(nearest("Timeouts", kKnown), "timeout") << "another case, one too many";
  EXPECT_EQ(nearest("first-byte", kKnown), "first_byte") << "another separator";
  EXPECT_EQ(nearest("too", kKnown), "to");
  EXPECT_EQ(nearest("xyz", kKnown), "");
  EXPECT_EQ(nearest("a", kKnown), "") << "short words resemble everything";
  EXPECT_EQ(nearest(std::string(1000, 'a'), kKnown), "");
}

TEST(Source, lines_are_found_with_every_line_end) {
  Source source("f", "", "one\r\ntwo\n\nfour");
  EXPECT_EQ(source.line(1), "one");
  EXPECT_EQ(source.line(2), "two");
  EXPECT_EQ(source.line(3), "");
  EXPECT_EQ(source.line(4), "four");
  EXPECT_EQ(source.line(5), "");
  EXPECT_EQ(source.line(0), "");
}

TEST(Source, nesting_deeper_than_64_is_found_in_every_form) {
  auto repeat = [](std::string_view part, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += part;
    return out;
  };
  EXPECT_FALSE(find_unparsable("a" + repeat(".a", 64) + " = 1"));
  EXPECT_TRUE(find_unparsable("a" + repeat(".a", 65) + " = 1"));
  EXPECT_FALSE(find_unparsable("a = " + repeat("[", 64)));
  EXPECT_TRUE(find_unparsable("a = " + repeat("[", 65)));
  EXPECT_TRUE(find_unparsable("a = " + repeat("{a.a.a.a.a.a = ", 12)));
}

TEST(Source, letters_beyond_ascii_belong_in_strings_and_comments) {
  EXPECT_FALSE(find_unparsable("\xef\xbb\xbf\"ä\" = 'ö' # ü\nb = \"\"\"\nß\"\"\"\n"));
  std::optional<TextProblem> problem = find_unparsable("a = 1\nbä = 2\n");
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->place.line, 2u);
  EXPECT_EQ(problem->place.column, 2u);
  EXPECT_EQ(problem->message, "not valid TOML: \"ä\" outside of a string");
}

TEST(Source, dots_in_strings_comments_and_neighbours_do_not_nest) {
  std::string many(1000, '.');
  EXPECT_FALSE(find_unparsable("a = \"" + many + "\"  # " + many));
  EXPECT_FALSE(
      find_unparsable("a = '''\n" + many + "\n'' '''\nb = \"\"\"\\\"" + many + "\"\"\"\n"));
  std::string floats = "a = [";
  for (int i = 0; i < 1000; ++i) floats += "1.5, ";
  EXPECT_FALSE(find_unparsable(floats + "]"));
}

}  // namespace
}  // namespace config
