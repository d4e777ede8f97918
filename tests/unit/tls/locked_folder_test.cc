// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/locked_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "tests/unit/tls/support.h"

namespace tls {
namespace {

using test::fs::perms;

perms mode_of(const std::string& path) { return test::fs::status(path).permissions(); }

class LockedFolderTest : public testing::Test {
 protected:
  LockedFolder open() {
    std::expected<LockedFolder, std::string> opened = LockedFolder::open(path_);
    EXPECT_TRUE(opened) << opened.error();
    return std::move(*opened);
  }
  // As another process sees it.
  [[nodiscard]] bool is_locked() const {
    const int descriptor = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY);
    const bool locked = ::flock(descriptor, LOCK_EX | LOCK_NB) != 0;
    ::close(descriptor);
    return locked;
  }

  test::Folder folder_;
  std::string path_ = folder_.path("a/b");
};

TEST_F(LockedFolderTest, folder_is_made_for_its_owner_alone) {
  open();

  EXPECT_EQ(mode_of(path_), perms(0700));
  EXPECT_EQ(mode_of(folder_.path("a")) & perms(0500), perms(0500));
}

TEST_F(LockedFolderTest, lock_is_held_until_the_folder_goes_away) {
  {
    LockedFolder first = open();
    LockedFolder folder = std::move(first);
    EXPECT_TRUE(is_locked());
  }
  EXPECT_FALSE(is_locked());
}

TEST_F(LockedFolderTest, file_is_replaced_with_its_mode_and_nothing_else_is_left) {
  const LockedFolder folder = open();
  ASSERT_TRUE(folder.write("key", "a long first text", 0644));
  folder_.write("a/b/key.new", "left from a crash, readable by all");
  ASSERT_TRUE(folder.write("key", "second", 0600));

  EXPECT_EQ(folder_.read("a/b/key"), "second");
  EXPECT_EQ(mode_of(path_ + "/key"), perms(0600));
  EXPECT_FALSE(test::fs::exists(path_ + "/key.new"));
}

TEST_F(LockedFolderTest, failed_write_keeps_the_old_file) {
  const LockedFolder folder = open();
  test::fs::create_directory(path_ + "/key");

  EXPECT_EQ(folder.write("key", "text", 0600).error(), "Is a directory");
  EXPECT_FALSE(test::fs::exists(path_ + "/key.new"));
  EXPECT_TRUE(test::fs::is_directory(path_ + "/key"));
}

TEST_F(LockedFolderTest, removing_is_fine_twice) {
  const LockedFolder folder = open();
  ASSERT_TRUE(folder.write("key", "text", 0600));
  folder.remove("key");
  folder.remove("key");

  EXPECT_FALSE(test::fs::exists(path_ + "/key"));
}

TEST_F(LockedFolderTest, folder_that_cannot_be_is_an_error_with_its_reason) {
  folder_.write("file", "");

  EXPECT_EQ(LockedFolder::open(folder_.path("file/x")).error(), "Not a directory");
  EXPECT_EQ(LockedFolder::open(folder_.path("file")).error(), "Not a directory");
}

}  // namespace
}  // namespace tls
