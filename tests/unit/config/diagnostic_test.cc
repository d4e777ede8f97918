// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/diagnostic.h"

#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace config::test {
namespace {

TEST(Diagnostic, shows_the_line_and_marks_the_word) {
  Result result = load_toml("[routes.\"api.example.com\"]\nto = 1\nheatlh = { path = \"/up\" }\n");

  EXPECT_EQ(render(result.diagnostics, Color::Never),
            "proxy.toml:3:1: error: unknown key \"heatlh\" in site \"api.example.com\"\n"
            "    3 | heatlh = { path = \"/up\" }\n"
            "      | ^^^^^^ did you mean \"health\"?\n"
            "1 error.\n");
}

TEST(Diagnostic, summary_counts_errors_and_warnings) {
  std::vector<Diagnostic> some(3);
  some[2].severity = Severity::Warning;
  EXPECT_EQ(summary(some), "2 errors, 1 warning.");
  some.erase(some.begin(), some.begin() + 2);
  EXPECT_EQ(summary(some), "1 warning.");
  EXPECT_EQ(summary({}), "0 errors.");
  EXPECT_EQ(render({}, Color::Never), "");
}

TEST(Diagnostic, columns_count_code_points_and_tabs_take_one) {
  Result result = load_toml("[routes]\n\t\"a.com\" = { to = \"status:200 hööst\", wht = 2 }\n");

  std::string text = render(result.diagnostics, Color::Never);
  EXPECT_EQ(text,
            "proxy.toml:2:39: error: unknown key \"wht\" in site \"a.com\"\n"
            "    2 |  \"a.com\" = { to = \"status:200 hööst\", wht = 2 }\n"
            "      | " +
                std::string(38, ' ') + "^^^\n1 error.\n");
}

TEST(Diagnostic, a_long_line_is_cut_around_the_mark) {
  std::string before(500, ' ');
  Result result = load_toml("[engine]" + std::string(1, '\n') + "pin =" + before + "3 #" +
                            std::string(500, 'x') + "\n");

  std::string text = render(result.diagnostics, Color::Never);
  EXPECT_NE(text.find("…" + std::string(40, ' ') + "3 #x"), std::string::npos) << text;
  EXPECT_NE(text.find("      | " + std::string(41, ' ') + "^\n"), std::string::npos) << text;
  EXPECT_NE(text.find("x…\n"), std::string::npos) << text;
}

TEST(Diagnostic, never_sends_control_characters_of_the_file_to_a_terminal) {
  Diagnostic evil;
  evil.where = {"proxy.toml", 1, 1};
  evil.source_line = "a\x1b[31mb\xc2\x9b\x7f";
  evil.message = "m";

  std::string text = render(std::vector{evil}, Color::Never);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x7f'), std::string::npos);
  EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
}

TEST(Diagnostic, color_is_only_there_when_asked_for) {
  std::vector<Diagnostic> one(1);
  one[0].message = "m";
  EXPECT_NE(render(one, Color::Always).find("\x1b[31merror"), std::string::npos);
}

TEST(Diagnostic, without_a_line_the_fix_has_its_own) {
  Result result = load("gone.toml", World{}.environment());

  EXPECT_EQ(render(result.diagnostics, Color::Never),
            "gone.toml: error: no such file\n      fix: check the path\n1 error.\n");
}

TEST(Diagnostic, json_has_every_field) {
  Result result = load_toml("listn = 1\n");

  EXPECT_EQ(
      to_json(result.diagnostics),
      "[{\"file\":\"proxy.toml\",\"line\":1,\"column\":1,\"severity\":\"error\","
      "\"message\":\"unknown key \\\"listn\\\"\",\"hint\":\"did you mean \\\"listen\\\"?\"}]");
  EXPECT_EQ(to_json({}), "[]");
}

}  // namespace
}  // namespace config::test
