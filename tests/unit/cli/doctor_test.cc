// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/doctor.h"

#include <gtest/gtest.h>

namespace engine::cli {
namespace {

using Grade = Finding::Grade;

TEST(Doctor, each_finding_is_a_line_and_its_fix_stands_below) {
  EXPECT_EQ(findings_page({{Grade::Ok, "kernel", "Linux 6.1", ""},
                           {Grade::Warn, "names", "app.localhost is not found", "install it"},
                           {Grade::Fail, "state directory", "/s is no directory", "remove it"}}),
            "ok    kernel           Linux 6.1\n"
            "warn  names            app.localhost is not found\n"
            "        fix            install it\n"
            "fail  state directory  /s is no directory\n"
            "        fix            remove it\n");
}

TEST(Doctor, what_was_found_cannot_move_the_cursor) {
  EXPECT_EQ(findings_page({{Grade::Ok, "listen", "in use by \x1b[2Jevil\n", ""}}),
            "ok    listen           in use by ?[2Jevil?\n");
}

}  // namespace
}  // namespace engine::cli
