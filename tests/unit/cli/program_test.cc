// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/program.h"

#include "tests/unit/cli/support.h"

namespace engine::cli {
namespace {

TEST(Program, is_found_in_the_first_folder_that_has_it_as_an_executable) {
  const test::Machine machine;
  machine.write("plain", "no program");
  machine.add_program("tool", "");

  const std::string folders = "/nonexistent::" + machine.path() + ":" + machine.programs();

  EXPECT_EQ(find_program("tool", folders), machine.path("bin/tool"));
  EXPECT_EQ(find_program("plain", folders), "");
  EXPECT_EQ(find_program("bin", folders), "");  // a folder
  EXPECT_EQ(find_program("tool", ""), "");
}

TEST(Program, relative_folders_are_passed_over) {
  const test::Machine machine;
  machine.add_program("tool", "");
  const std::string relative = std::filesystem::relative(machine.programs()).string();

  EXPECT_EQ(find_program("tool", relative), "");
}

TEST(Program, gets_its_words_unread_by_a_shell_and_its_input) {
  const auto ran = run_program(
      {"/bin/sh", "-c", "echo \"$1\"; cat; echo wrong >&2", "sh", "$(id) *"}, "from us\n");

  ASSERT_TRUE(ran) << ran.error();
  EXPECT_EQ(ran->output, "$(id) *\nfrom us\nwrong\n");
  EXPECT_EQ(ran->status, 0);
}

TEST(Program, says_how_it_ended_and_why) {
  const auto failed = run_program({"/bin/sh", "-c", "echo first; echo ' the cause \n'; exit 3"});
  const auto killed = run_program({"/bin/sh", "-c", "kill -9 $$"});

  ASSERT_TRUE(failed && killed);
  EXPECT_EQ(failed->status, 3);
  EXPECT_EQ(failed->reason(), " the cause");
  EXPECT_EQ(killed->status, 128 + 9);
  EXPECT_EQ(killed->reason(), "it ended with 137");
}

TEST(Program, too_much_output_is_read_and_dropped) {
  const auto ran = run_program({"/bin/sh", "-c", "head -c 300000 /dev/zero"});

  ASSERT_TRUE(ran) << ran.error();
  EXPECT_EQ(ran->status, 0);
  EXPECT_EQ(ran->output.size(), 64 * 1024);
}

TEST(Program, that_cannot_be_started_is_named) {
  const auto ran = run_program({"/nonexistent/tool"});

  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error(), "cannot start /nonexistent/tool: No such file or directory");
}

}  // namespace
}  // namespace engine::cli
