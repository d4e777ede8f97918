// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/server/log_writer.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace engine::server {
namespace {

namespace fs = std::filesystem;

class LogWriterTest : public testing::Test {
 protected:
  LogWriterTest() {
    std::string name = (fs::temp_directory_path() / "log-test-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    settings_.output = config::AccessLog::Output::File;
    settings_.path = directory_ / "access.log";
  }
  ~LogWriterTest() override { fs::remove_all(directory_); }

  static std::string text_of(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  fs::path directory_;
  config::AccessLog settings_;
};

TEST_F(LogWriterTest, a_stop_writes_what_is_left_of_every_worker) {
  auto writer = LogWriter::open(settings_, 2);
  ASSERT_TRUE(writer.has_value());
  (*writer)->start();

  (*writer)->ring(0).push("one\n");
  (*writer)->ring(1).push("two\n");
  (*writer)->stop();

  EXPECT_EQ(text_of(settings_.path).size(), 8U);
  EXPECT_EQ((*writer)->dropped(), 0U);
}

TEST_F(LogWriterTest, lines_of_two_workers_are_never_mixed) {
  auto writer = LogWriter::open(settings_, 2);
  ASSERT_TRUE(writer.has_value());
  (*writer)->start();
  const std::array<std::string, 2> lines = {std::string(700, 'a') + "\n",
                                            std::string(900, 'b') + "\n"};

  for (int i = 0; i < 2000; ++i) {
    for (std::size_t worker = 0; worker < 2; ++worker) (*writer)->ring(worker).push(lines[worker]);
  }
  (*writer)->stop();

  std::istringstream text(text_of(settings_.path));
  for (std::string line; std::getline(text, line);) {
    EXPECT_TRUE(line + "\n" == lines[0] || line + "\n" == lines[1]) << line;
  }
}

TEST_F(LogWriterTest, what_the_disk_refuses_is_counted_by_line) {
  settings_.path = "/dev/full";
  auto writer = LogWriter::open(settings_, 1);
  ASSERT_TRUE(writer.has_value());
  (*writer)->start();

  (*writer)->ring(0).push("one\n");
  (*writer)->ring(0).push("two\n");
  (*writer)->stop();

  EXPECT_EQ((*writer)->dropped(), 2U);
}

TEST_F(LogWriterTest, a_file_that_cannot_be_opened_says_so) {
  settings_.path = directory_ / "missing" / "access.log";

  const auto writer = LogWriter::open(settings_, 1);

  ASSERT_FALSE(writer.has_value());
  EXPECT_EQ(writer.error().exit_code, control::kExitEnvironment);
}

TEST(LogOutputTest, a_pipe_nobody_reads_costs_lines_and_not_the_thread) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  LogOutput output(ends[1]);
  const std::string lines = std::string(1023, 'x') + "\n";

  std::uint64_t lost = 0;
  for (int i = 0; i < 200; ++i) lost += output.write(lines, 0);

  EXPECT_GT(lost, 0U);
  EXPECT_LT(lost, 200U);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace engine::server
