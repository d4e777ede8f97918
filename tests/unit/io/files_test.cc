// SPDX-License-Identifier: GPL-3.0-or-later
// Files through a real ring.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>

#include "engine/io/ring.h"

namespace engine::io {
namespace {

class RingFilesTest : public testing::Test {
 protected:
  RingFilesTest() {
    auto ring =
        Ring::open({.entries = 16, .completions = 64, .buffer_count = 4, .buffer_bytes = 4096});
    if (ring) ring_ = std::move(*ring);
  }
  void SetUp() override { ASSERT_NE(ring_, nullptr) << "no io_uring here"; }

  int result() {
    while (operation_.in_flight()) {
      ring_->submit_and_wait(ring_->now() + base::kSecond);
      ring_->dispatch();
    }
    return result_;
  }
  void on_completion(const Completion& completion) { result_ = completion.result; }

  std::unique_ptr<Ring> ring_;
  Operation operation_{On<&RingFilesTest::on_completion>{}, this};
  int result_ = 0;
};

TEST_F(RingFilesTest, an_unnamed_file_holds_what_is_written_until_it_is_closed) {
  ring_->open_temporary(operation_);
  int file = result();
  if (file == -EOPNOTSUPP) file = ring_->open_temporary_now();
  ASSERT_GE(file, 0);
  struct stat about{};
  ASSERT_EQ(::fstat(file, &about), 0);
  EXPECT_EQ(about.st_nlink, 0U);
  EXPECT_NE(::fcntl(file, F_GETFD) & FD_CLOEXEC, 0);

  ring_->write_file(operation_, file, "hello, world", 0);
  ASSERT_EQ(result(), 12);
  std::array<char, 20> into{};
  ring_->read_file(operation_, file, into, 7);
  ASSERT_EQ(result(), 5);
  EXPECT_EQ(std::string(into.data(), 5), "world");
  ring_->read_file(operation_, file, into, 12);
  EXPECT_EQ(result(), 0);

  ring_->close_file(operation_, file);
  EXPECT_EQ(result(), 0);
  EXPECT_EQ(::fcntl(file, F_GETFD), -1);
}

TEST_F(RingFilesTest, without_unnamed_files_there_are_those_whose_name_is_gone) {
  const int file = ring_->open_temporary_now();
  ASSERT_GE(file, 0);
  struct stat about{};
  ASSERT_EQ(::fstat(file, &about), 0);
  EXPECT_EQ(about.st_nlink, 0U);
  ring_->close_file(operation_, file);
  EXPECT_EQ(result(), 0);
}

}  // namespace
}  // namespace engine::io
