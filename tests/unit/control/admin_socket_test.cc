// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/admin_socket.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>

namespace engine::control {
namespace {

// The variable as it was, afterwards.
class AdminSocket : public testing::Test {
 protected:
  void SetUp() override {
    const char* value = ::getenv("XDG_RUNTIME_DIR");
    before_ = value == nullptr ? "" : value;
    ::unsetenv("XDG_RUNTIME_DIR");
  }
  void TearDown() override {
    before_.empty() ? ::unsetenv("XDG_RUNTIME_DIR")
                    : ::setenv("XDG_RUNTIME_DIR", before_.c_str(), 1);
  }

 private:
  std::string before_;
};

TEST_F(AdminSocket, who_chooses_one_has_it_there) {
  EXPECT_EQ(admin_socket_path("/tmp/b.sock", "/state"), "/tmp/b.sock");
}

TEST_F(AdminSocket, who_says_nothing_has_it_in_the_users_own_folder) {
  const bool root = ::geteuid() == 0;
  EXPECT_EQ(admin_socket_path("", "/state"), root ? "/run/engine/admin.sock" : "/state/admin.sock");
  ::setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
  EXPECT_EQ(admin_socket_path("", "/state"),
            root ? "/run/engine/admin.sock" : "/run/user/7/engine/admin.sock");
}

}  // namespace
}  // namespace engine::control
