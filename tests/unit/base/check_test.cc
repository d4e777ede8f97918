// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/base/check.h"

#include <gtest/gtest.h>

namespace engine::base {
namespace {

TEST(Check, a_check_that_holds_evaluates_its_expression_once) {
  int calls = 0;
  ENSURE(++calls == 1, "evaluated once");
  EXPECT_EQ(calls, 1);
}

TEST(CheckDeathTest, a_check_that_fails_says_why_what_and_where) {
  const int slots = 3;
  EXPECT_DEATH(ENSURE(slots == 4, "a slot is lost"),
               "bug: a slot is lost \\(slots == 4\\) at .*check_test.cc:[0-9]+");
}

}  // namespace
}  // namespace engine::base
