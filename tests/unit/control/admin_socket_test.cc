// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/admin_socket.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/control/certificates.h"

namespace engine::control {
namespace {

// The variables as they were, afterwards.
class AdminSocket : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"ENGINE_SOCKET", "XDG_RUNTIME_DIR"}) {
      const char* value = ::getenv(name);
      before_.emplace_back(name, value == nullptr ? "" : value);
      ::unsetenv(name);
    }
  }
  void TearDown() override {
    for (const auto& [name, value] : before_) {
      value.empty() ? ::unsetenv(name) : ::setenv(name, value.c_str(), 1);
    }
  }

 private:
  std::vector<std::pair<const char*, std::string>> before_;
};

TEST_F(AdminSocket, the_variable_goes_before_the_file) {
  ::setenv("ENGINE_SOCKET", "/tmp/a.sock", 1);
  EXPECT_EQ(admin_socket_path("/tmp/b.sock"), "/tmp/a.sock");
  ::setenv("ENGINE_SOCKET", "", 1);
  EXPECT_EQ(admin_socket_path("/tmp/b.sock"), "/tmp/b.sock");
}

TEST_F(AdminSocket, who_says_nothing_has_it_in_the_users_own_folder) {
  const bool root = ::geteuid() == 0;
  EXPECT_EQ(admin_socket_path(""),
            root ? "/run/engine/admin.sock" : state_directory() + "/admin.sock");
  ::setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
  EXPECT_EQ(admin_socket_path(""),
            root ? "/run/engine/admin.sock" : "/run/user/7/engine/admin.sock");
}

}  // namespace
}  // namespace engine::control
