// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/base/error.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace engine::base {
namespace {

constexpr int kLast = static_cast<int>(Cause::Internal);

template <typename Visit>
void for_each_cause(Visit visit) {
  for (int i = 0; i <= kLast; ++i) visit(static_cast<Cause>(i), describe(static_cast<Cause>(i)));
}

TEST(Error, every_cause_has_a_status_a_name_and_a_sentence) {
  for_each_cause([](Cause cause, const CauseWords& words) {
    if (cause == Cause::None) return;
    EXPECT_GE(words.status, 400) << static_cast<int>(cause);
    EXPECT_LE(words.status, 599) << static_cast<int>(cause);
    EXPECT_FALSE(words.name.empty()) << static_cast<int>(cause);
    EXPECT_TRUE(words.text.ends_with('.')) << static_cast<int>(cause);
    EXPECT_NE(words.blame, Blame::Nobody) << static_cast<int>(cause);
  });
}

TEST(Error, no_cause_blames_nobody_and_says_nothing) {
  EXPECT_EQ(describe(Cause::None).blame, Blame::Nobody);
  EXPECT_EQ(describe(Cause::None).name, "");
}

TEST(Error, a_name_is_a_token_that_needs_no_quotes_in_proxy_status) {
  for_each_cause([](Cause, const CauseWords& words) {
    EXPECT_EQ(words.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos)
        << words.name;
  });
}

TEST(Error, a_text_goes_into_a_page_without_escaping) {
  for_each_cause([](Cause, const CauseWords& words) {
    EXPECT_EQ(words.text.find_first_of("<>&\"\r\n"), std::string_view::npos) << words.text;
  });
}

TEST(Error, the_clients_mistakes_are_4xx_or_things_not_implemented) {
  for_each_cause([](Cause, const CauseWords& words) {
    if (words.blame != Blame::Client) return;
    EXPECT_TRUE(words.status < 500 || words.status == 501 || words.status == 505) << words.text;
  });
}

TEST(Error, a_targets_failure_is_told_apart_by_who_failed_and_when) {
  for_each_cause([](Cause, const CauseWords& words) {
    if (words.blame != Blame::Target) return;
    EXPECT_TRUE((std::set<int>{502, 503, 504}).contains(words.status)) << words.text;
  });
  EXPECT_EQ(describe(Cause::ConnectionRefused).status, 502);
  EXPECT_EQ(describe(Cause::NoHealthyTarget).status, 503);
  EXPECT_EQ(describe(Cause::ResponseTimeout).status, 504);
}

TEST(Error, an_error_is_not_safe_to_retry_unless_somebody_says_so) {
  EXPECT_EQ(Error{}.cause, Cause::None);
  EXPECT_FALSE(Error{}.retry_safe);
  EXPECT_EQ(Error{}.system, 0);
}

TEST(ErrorDeathTest, a_cause_that_does_not_exist_is_our_own_mistake) {
  EXPECT_DEATH((void)describe(static_cast<Cause>(kLast + 1)), "a cause has no words");
}

}  // namespace
}  // namespace engine::base
