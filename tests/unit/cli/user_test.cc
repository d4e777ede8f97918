// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/user.h"

#include <stdlib.h>

#include "engine/cli/program.h"
#include "tests/unit/cli/support.h"

namespace engine::cli {
namespace {

class UserTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can act for others";
  }
  void TearDown() override { ::unsetenv("SUDO_USER"); }
};

TEST_F(UserTest, under_sudo_it_is_who_called_it) {
  ::setenv("SUDO_USER", "nobody", 1);
  EXPECT_EQ(invoking_user().name, "nobody");
  EXPECT_NE(invoking_user().home, ::getenv("HOME"));

  ::setenv("SUDO_USER", "no such user", 1);
  EXPECT_EQ(invoking_user().uid, ::geteuid());
}

TEST_F(UserTest, a_program_started_for_somebody_has_no_way_back_to_root) {
  {
    const ActingAs acting(test::nobody());
    const auto ran = run_program({"/bin/grep", "-E", "^(Uid|Gid|Groups):", "/proc/self/status"});
    ASSERT_TRUE(ran) << ran.error();
    EXPECT_EQ(ran->output,
              "Uid:\t65534\t65534\t65534\t65534\nGid:\t65534\t65534\t65534\t65534\n"
              "Groups:\t65534 \n");
  }
  EXPECT_EQ(::getuid(), 0U);
  EXPECT_EQ(::getegid(), 0U);
}

}  // namespace
}  // namespace engine::cli
