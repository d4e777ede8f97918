// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/table.h"

#include <gtest/gtest.h>

namespace engine::cli {
namespace {

Table three_columns() {
  Table table({"SITE", "TARGET", "STATE"});
  table.add({"shop.example.com", "10.0.0.4:8080", "up"});
  table.add({"größe.example", "", "down"});
  return table;
}

TEST(TextTable, columns_are_aligned_and_no_line_ends_in_a_blank) {
  EXPECT_EQ(three_columns().render(0),
            "SITE              TARGET         STATE\n"
            "shop.example.com  10.0.0.4:8080  up\n"
            "größe.example     -              down\n");
}

TEST(TextTable, the_widest_columns_are_cut_to_the_width_of_the_terminal) {
  EXPECT_EQ(three_columns().render(30),
            "SITE        TARGET       STATE\n"
            "shop.exam…  10.0.0.4:8…  up\n"
            "größe.exa…  -            down\n");
}

TEST(TextTable, it_is_whole_at_its_own_width_and_cut_one_below) {
  EXPECT_EQ(three_columns().render(38), three_columns().render(0));
  EXPECT_NE(three_columns().render(37), three_columns().render(0));
}

TEST(TextTable, each_column_keeps_eight_however_narrow_it_is) {
  EXPECT_EQ(three_columns().render(1),
            "SITE      TARGET    STATE\n"
            "shop.ex…  10.0.0.…  up\n"
            "größe.e…  -         down\n");
}

TEST(TextTable, a_cell_cannot_move_the_cursor) {
  Table table({"A"});
  table.add({"x\x1b[2J\ny"});
  EXPECT_EQ(table.render(0), "A\nx?[2J?y\n");
}

TEST(TextTable, it_is_empty_with_its_header_alone) {
  Table table({"A"});
  EXPECT_TRUE(table.empty());
  table.add({"b"});
  EXPECT_FALSE(table.empty());
}

}  // namespace
}  // namespace engine::cli
