// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/io/watch.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace engine::io {
namespace {

namespace fs = std::filesystem;

// A directory with one file, and a loop that turns until a change was reported.
class WatchTest : public testing::Test {
 protected:
  WatchTest() {
    std::string name = (fs::temp_directory_path() / "watch-test-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    write("proxy.toml", "one");
    auto ring =
        Ring::open({.entries = 16, .completions = 64, .buffer_count = 4, .buffer_bytes = 4096});
    if (!ring) return;
    ring_ = std::move(*ring);
    timers_ = std::make_unique<Timers>(ring_->now());
    watch_ = std::make_unique<Watch>(*ring_, *timers_, [this] { ++changes_; });
  }
  ~WatchTest() override {
    if (ring_ != nullptr) {
      watch_->close();
      while (!watch_->closed()) tick(base::kSecond);
    }
    fs::remove_all(directory_);
  }
  void SetUp() override {
    ASSERT_NE(ring_, nullptr) << "no io_uring here";
    ASSERT_EQ(watch_->open(), 0);
  }

  void write(const fs::path& name, const std::string& text) const {
    std::ofstream(directory_ / name) << text;
  }
  void watch(const std::vector<std::string>& files,
             const std::vector<std::string>& directories = {}) {
    std::vector<std::string> full;
    std::vector<std::string> full_directories;
    for (const auto& file : files) full.push_back(directory_ / file);
    for (const auto& each : directories) full_directories.push_back(directory_ / each);
    watch_->set_paths(full, full_directories);
  }
  void tick(base::Time longest) {
    const base::Time now = ring_->now();
    ring_->submit_and_wait(std::min(timers_->next_deadline(), now + longest));
    ring_->dispatch();
    timers_->advance(ring_->now());
  }
  // Whether a change is reported within `time`.
  bool changes_within(base::Time time) {
    const int before = changes_;
    const base::Time end = ring_->now() + time;
    while (changes_ == before && ring_->now() < end) tick(end - ring_->now());
    return changes_ > before;
  }
  bool changes() { return changes_within(5 * base::kSecond); }
  bool stays_quiet() { return !changes_within(2 * Watch::kQuiet); }

  fs::path directory_;
  int changes_ = 0;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<Timers> timers_;
  std::unique_ptr<Watch> watch_;
};

TEST_F(WatchTest, it_closes_though_a_change_has_just_come) {
  watch({"proxy.toml"});
  ring_->submit_and_wait(ring_->now());  // it waits for a change
  write("proxy.toml", "two");
  ring_->submit_and_wait(ring_->now() + base::kSecond);  // which has come
  watch_->close();
  ring_->dispatch();
  EXPECT_TRUE(watch_->closed());
}

TEST_F(WatchTest, a_touch_is_seen) {
  watch({"proxy.toml"});

  fs::last_write_time(directory_ / "proxy.toml", fs::file_time_type::clock::now());

  EXPECT_TRUE(changes());
}

TEST_F(WatchTest, an_edit_in_place_is_seen) {
  watch({"proxy.toml"});

  write("proxy.toml", "two");

  EXPECT_TRUE(changes());
}

TEST_F(WatchTest, a_rename_over_the_file_is_seen_every_time) {
  watch({"proxy.toml"});

  for (int i = 0; i < 3; ++i) {
    write("proxy.toml.new", "two");
    fs::rename(directory_ / "proxy.toml.new", directory_ / "proxy.toml");
    EXPECT_TRUE(changes());
  }
}

TEST_F(WatchTest, a_swap_of_a_link_in_the_middle_of_the_path_is_seen_every_time) {
  fs::create_directories(directory_ / "v1");
  fs::create_directories(directory_ / "v2");
  write("v1/mounted.toml", "one");
  write("v2/mounted.toml", "two");
  fs::create_directory_symlink("v1", directory_ / "..data");
  fs::create_symlink("..data/mounted.toml", directory_ / "mounted.toml");
  watch({"mounted.toml"});

  for (const char* version : {"v2", "v1", "v2"}) {
    fs::create_directory_symlink(version, directory_ / "..data_tmp");
    fs::rename(directory_ / "..data_tmp", directory_ / "..data");
    EXPECT_TRUE(changes());
  }
}

TEST_F(WatchTest, an_edit_behind_a_link_to_another_directory_is_seen) {
  fs::create_directories(directory_ / "real");
  write("real/proxy.toml", "one");
  fs::create_symlink(directory_ / "real/proxy.toml", directory_ / "link.toml");
  watch({"link.toml"});

  write("real/proxy.toml", "two");

  EXPECT_TRUE(changes());
}

TEST_F(WatchTest, a_file_that_appears_later_is_seen) {
  watch({"conf.d/later.toml"});

  fs::create_directory(directory_ / "conf.d");
  EXPECT_TRUE(changes());
  write("conf.d/later.toml", "one");

  EXPECT_TRUE(changes());
}

TEST_F(WatchTest, a_new_file_in_a_watched_directory_is_seen) {
  fs::create_directory(directory_ / "conf.d");
  watch({"proxy.toml"}, {"conf.d"});

  write("conf.d/shop.toml", "one");

  EXPECT_TRUE(changes());
}

TEST_F(WatchTest, a_directory_that_is_replaced_is_seen_and_watched_again) {
  fs::create_directory(directory_ / "conf.d");
  watch({}, {"conf.d"});

  fs::rename(directory_ / "conf.d", directory_ / "old");
  fs::create_directory(directory_ / "conf.d");
  EXPECT_TRUE(changes());
  write("conf.d/shop.toml", "one");

  EXPECT_TRUE(changes());
}

TEST_F(WatchTest, other_files_in_the_directory_do_not_count) {
  watch({"proxy.toml"});

  write("proxy.toml.swp", "editor");
  write("access.log", "line");

  EXPECT_TRUE(stays_quiet());
}

TEST_F(WatchTest, many_changes_together_are_reported_once) {
  watch({"proxy.toml"});

  for (int i = 0; i < 20; ++i) write("proxy.toml", std::to_string(i));

  EXPECT_TRUE(changes());
  EXPECT_TRUE(stays_quiet());
  EXPECT_EQ(changes_, 1);
}

TEST_F(WatchTest, a_change_that_the_reader_knows_of_is_not_reported) {
  watch({"proxy.toml"});
  write("proxy.toml", "two");

  watch_->forget_changes();

  EXPECT_TRUE(stays_quiet());
}

TEST_F(WatchTest, a_file_that_never_rests_is_reported_all_the_same) {
  watch({"proxy.toml"});
  const base::Time start = ring_->now();

  while (changes_ == 0 && ring_->now() < start + 5 * base::kSecond) {
    write("proxy.toml", "again");
    tick(Watch::kQuiet / 4);
  }

  EXPECT_EQ(changes_, 1);
  EXPECT_GE(ring_->now() - start, Watch::kQuietMax);
}

}  // namespace
}  // namespace engine::io
