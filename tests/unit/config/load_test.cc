// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/load.h"

#include <gtest/gtest.h>
#include <sys/fsuid.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/config/support.h"

namespace config::test {
namespace {

using Strings = std::vector<std::string>;

Result load_files(const World& world) { return load("proxy.toml", world.environment()); }

TEST(Load, included_files_have_the_same_keys_and_their_own_name) {
  World world{{},
              {{"proxy.toml", "include = [\"conf.d/*.toml\"]\n[routes]\n\"a.com\" = 1\n"},
               {"conf.d/b.toml", "[routes]\n\"b.com\" = 2\n\"c.com\" = true\n"}}};
  Result result = load_files(world);

  EXPECT_EQ(problems(result), Strings{"conf.d/b.toml:3:11 error: this is not a target"});
  EXPECT_EQ(result.config.sites.at(1).origin(), "conf.d/b.toml:2");
  EXPECT_EQ(result.files.size(), 2u);
  EXPECT_EQ(result.include_patterns, Strings{"conf.d/*.toml"});
}

TEST(Load, one_site_in_two_files_names_both) {
  World world{{},
              {{"proxy.toml", "include = \"b.toml\"\n[routes]\n\"a.com\" = 1\n"},
               {"b.toml", "[routes]\n\"a.com\" = 2\n"}}};

  EXPECT_EQ(problems(load_files(world)),
            Strings{"b.toml:2:1 error: site \"a.com\" is already on proxy.toml:3"});
}

TEST(Load, one_setting_in_two_files_names_both) {
  World world{{},
              {{"proxy.toml", "include = \"b.toml\"\n[engine]\nworkers = 1\n"},
               {"b.toml", "[engine]\ngrace = \"1s\"\nworkers = 2\n"}}};

  EXPECT_EQ(problems(load_files(world)),
            Strings{"b.toml:3:1 error: \"engine.workers\" is already set at proxy.toml:3"});
}

TEST(Load, defaults_of_an_included_file_hold_everywhere) {
  World world{{},
              {{"proxy.toml", "include = \"b.toml\"\n[routes]\n\"a.com\" = 1\n"},
               {"b.toml", "[defaults]\nbalance = \"first\"\n"}}};

  EXPECT_EQ(load_files(world).config.sites.at(0).policy.balance.kind, Balance::Kind::First);
}

TEST(Load, included_files_may_not_include) {
  World world{{}, {{"proxy.toml", "include = \"b.toml\"\n"}, {"b.toml", "include = \"c.toml\"\n"}}};

  EXPECT_EQ(problems(load_files(world)),
            Strings{"b.toml:1:1 error: an included file may not include other files"});
}

TEST(Load, a_pattern_may_match_nothing_but_a_name_may_not) {
  World world{{}, {{"proxy.toml", "include = [\"conf.d/*.toml\", \"gone.toml\"]\n"}}};

  EXPECT_EQ(problems(load_files(world)), Strings{"1:29 error: \"gone.toml\" does not exist"});
}

TEST(Load, a_pattern_that_matches_the_main_file_reads_it_once) {
  World world{{}, {{"proxy.toml", "include = \"*\"\n[routes]\n\"a.com\" = 1\n"}}};

  EXPECT_TRUE(load_files(world).ok());
}

TEST(Load, a_syntax_error_stops_its_own_file_only) {
  World world{{},
              {{"proxy.toml", "include = [\"a.toml\", \"b.toml\"]\n"},
               {"a.toml", "[routes]\n\"a.com = 1\n"},
               {"b.toml", "[routes]\n\"b.com\" = 0\n"}}};
  Result result = load_files(world);

  ASSERT_EQ(result.diagnostics.size(), 2u);
  EXPECT_EQ(result.diagnostics[0].problem, Problem::Syntax);
  EXPECT_EQ(result.diagnostics[0].where.text(), "a.toml:2");
  EXPECT_EQ(result.diagnostics[1].where.text(), "b.toml:2");
}

TEST(Load, a_name_written_twice_is_marked_where_it_is_repeated) {
  Result result = load_toml("[routes]\n\"a.com\" = 1\n  \"a.com\" = 2\n");

  EXPECT_EQ(problems(result), Strings{"3:3 error: this name is written twice in one table"});
  EXPECT_EQ(result.diagnostics[0].end_column, 10u);
}

TEST(Load, text_that_is_not_utf8_is_refused_where_it_is) {
  Result result = load_toml("# ä\n# ä\xff\n");

  EXPECT_EQ(problems(result), Strings{"2:4 error: byte 0xff is not UTF-8 text"});
  EXPECT_EQ(result.diagnostics[0].problem, Problem::NotUtf8);
}

TEST(Load, nesting_without_end_is_refused) {
  std::string deep = "a";
  for (int i = 0; i < 1'000'000; ++i) deep += ".a";

  EXPECT_EQ(only_message(load_toml(deep + " = 1")), "tables are nested too deeply");
  EXPECT_EQ(only_message(load_toml("a = " + std::string(1'000'000, '['))),
            "tables are nested too deeply");
}

TEST(Load, a_thousand_problems_are_enough) {
  std::string text = "[routes]\n";
  for (int i = 0; i < 1500; ++i) text += fmt::format("\"s{}.com\" = 0\n", i);
  Result result = load_toml(text);

  ASSERT_EQ(result.diagnostics.size(), 1001u);
  EXPECT_EQ(result.diagnostics.back().message, "500 more errors are not shown");
}

class LoadFromDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "config-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((directory_ / name).parent_path());
    std::ofstream(directory_ / name) << text;
    return directory_ / name;
  }
  Problem problem_of(const std::filesystem::path& path) const {
    Result result = load(path, Environment::process());
    return result.diagnostics.size() == 1 ? result.diagnostics[0].problem : Problem::Value;
  }

  std::filesystem::path directory_;
};

TEST_F(LoadFromDisk, a_file_that_cannot_be_read_has_a_kind_of_problem) {
  EXPECT_EQ(problem_of(directory_ / "gone.toml"), Problem::NotFound);
  EXPECT_EQ(problem_of(write("file", "") / "below"), Problem::NotFound);
  EXPECT_EQ(problem_of(directory_), Problem::NotAFile);
  EXPECT_EQ(problem_of("/dev/null"), Problem::NotAFile);
}

TEST_F(LoadFromDisk, a_file_without_permission_says_whose_it_is) {
  std::filesystem::path path = write("secret.toml", "");
  EXPECT_EQ(load(path, Environment::process()).diagnostics.size(), 0u);
  std::filesystem::permissions(path, std::filesystem::perms::none);
  std::filesystem::permissions(directory_, static_cast<std::filesystem::perms>(0755));

  // Root may read everything; this thread is nobody to the file system meanwhile.
  constexpr uid_t kNobody = 65534;
  const int before = setfsuid(kNobody);
  const Problem problem = problem_of(path);
  setfsuid(static_cast<uid_t>(before));
  EXPECT_EQ(problem, Problem::Permission);
}

TEST_F(LoadFromDisk, a_file_beyond_64_mib_is_refused) {
  std::filesystem::path path = write("large.toml", "");
  std::filesystem::resize_file(path, kFileBytesMax + 1);

  EXPECT_EQ(problem_of(path), Problem::TooLarge);
}

TEST_F(LoadFromDisk, globs_start_at_the_directory_of_the_file) {
  write("conf.d/b.toml", "[routes]\n\"b.com\" = 2\n");
  write("conf.d/a.toml", "[routes]\n\"a.com\" = 1\n");
  write("conf.d/ignored.txt", "not toml");
  Result result =
      load(write("proxy.toml", "include = [\"conf.d/*.toml\"]\n"), Environment::process());

  ASSERT_TRUE(result.ok()) << only_message(result);
  ASSERT_EQ(result.config.sites.size(), 2u);
  EXPECT_EQ(result.config.sites[0].origin(), (directory_ / "conf.d/a.toml").string() + ":2");
}

}  // namespace
}  // namespace config::test
