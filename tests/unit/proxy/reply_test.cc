// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/reply.h"

#include <gtest/gtest.h>

namespace engine::proxy {
namespace {

TEST(Reply, a_message_takes_its_place_in_a_page_wherever_that_is) {
  EXPECT_EQ(with_message("<p>{message}</p>", "Back soon"), "<p>Back soon</p>");
  EXPECT_EQ(with_message("{message}{message}", "x"), "xx");
  EXPECT_EQ(with_message("a {message}", ""), "a ");
}

TEST(Reply, a_message_cannot_become_markup) {
  EXPECT_EQ(with_message("<p title=\"{message}\">", "\"><script>&"),
            "<p title=\"&quot;&gt;&lt;script&gt;&amp;\">");
}

TEST(Reply, a_message_that_names_its_own_place_is_not_replaced_again) {
  EXPECT_EQ(with_message("[{message}]", "{message}"), "[{message}]");
}

TEST(Reply, a_page_without_a_place_stays_as_it_is) {
  EXPECT_EQ(with_message("<p>{messag}{Message}{", "x"), "<p>{messag}{Message}{");
  EXPECT_EQ(with_message("", "x"), "");
}

}  // namespace
}  // namespace engine::proxy
