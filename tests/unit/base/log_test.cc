// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace engine::base::log {
namespace {

// 2026-11-20T20:42:10.123Z
constexpr Time kWall = 1'795'207'330'123'456'789;

std::string text(std::string_view message, std::vector<Item> items) {
  return format_line(Format::Text, kWall, Level::Info, message, items);
}
std::string json(std::string_view message, std::vector<Item> items) {
  return format_line(Format::Json, kWall, Level::Warn, message, items);
}

TEST(Log, text_is_time_level_message_and_named_values) {
  EXPECT_EQ(text("listening", {{"address", "127.0.0.1:8080"}}),
            "2026-11-20T20:42:10.123Z info listening address=127.0.0.1:8080\n");
}

TEST(Log, text_quotes_values_that_would_read_as_several_words) {
  EXPECT_EQ(
      text("x", {{"a", "two words"}, {"b", ""}, {"c", "k=v"}, {"d", "say \"hi\"\n"}}),
      "2026-11-20T20:42:10.123Z info x a=\"two words\" b=\"\" c=\"k=v\" d=\"say \\\"hi\\\"\\n\"\n");
}

TEST(Log, json_has_the_same_fields) {
  EXPECT_EQ(json("listening", {{"address", "[::1]:80"}}),
            "{\"ts\":\"2026-11-20T20:42:10.123Z\",\"level\":\"warn\",\"msg\":\"listening\","
            "\"address\":\"[::1]:80\"}\n");
}

TEST(Log, json_escapes_control_characters_and_replaces_what_is_not_utf8) {
  EXPECT_EQ(json("x", {{"a", "\x01\t\"\\"}, {"b", "gr\xc3\xbc\xc3\x9f"}, {"c", "\xff\xc3"}}),
            "{\"ts\":\"2026-11-20T20:42:10.123Z\",\"level\":\"warn\",\"msg\":\"x\","
            "\"a\":\"\\u0001\\t\\\"\\\\\",\"b\":\"gr\xc3\xbc\xc3\x9f\","
            "\"c\":\"\xef\xbf\xbd\xef\xbf\xbd\"}\n");
}

TEST(Log, a_message_cannot_break_the_line) {
  EXPECT_EQ(text("two\nlines", {}), "2026-11-20T20:42:10.123Z info two\\nlines\n");
}

TEST(Log, quotes_and_backslashes_in_a_message_stand_for_themselves) {
  EXPECT_EQ(text("saw '\\n' in \"x\"", {}), "2026-11-20T20:42:10.123Z info saw '\\n' in \"x\"\n");
}

TEST(Log, the_first_and_the_last_millisecond_of_a_day_are_right) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(951'868'799'999'999'999), "2000-02-29T23:59:59.999Z");
}

TEST(Log, lines_below_the_level_do_not_reach_the_sink) {
  static std::string lines;
  lines.clear();
  set_sink([](std::string_view line) { lines += line; });

  set_level(Level::Warn);
  info("quiet");
  error("loud", {{"n", "1"}});
  set_level(Level::Info);
  set_sink(nullptr);

  EXPECT_NE(lines.find(" error loud n=1\n"), std::string::npos);
  EXPECT_EQ(lines.find("quiet"), std::string::npos);
}

TEST(Log, levels_have_names) {
  for (const Level each : {Level::Error, Level::Warn, Level::Info, Level::Debug})
    EXPECT_EQ(level_named(name_of(each)), each);
  EXPECT_EQ(name_of(Level::Debug), "debug");
  EXPECT_FALSE(level_named("Debug"));
  EXPECT_FALSE(level_named(""));
}

}  // namespace
}  // namespace engine::base::log
