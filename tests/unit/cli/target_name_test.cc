// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/target_name.h"

#include <gtest/gtest.h>

namespace engine::cli {
namespace {

Json targets() {
  Json all = Json::array();
  for (const auto& [service, target] : {std::pair("web", "a:1"), {"web", "b:1"}, {"api", "a:1"}}) {
    all.push_back(
        {{"id", std::string(service) + "@" + target}, {"service", service}, {"target", target}});
  }
  return {{"targets", all}};
}

TEST(TargetName, its_id_its_path_and_its_address_where_it_is_unique_are_names) {
  EXPECT_EQ(target_named("web@a:1", targets()).value(), "web@a:1");
  EXPECT_EQ(target_named("api/a:1", targets()).value(), "api@a:1");
  EXPECT_EQ(target_named("b:1", targets()).value(), "web@b:1");
}

TEST(TargetName, an_address_of_two_services_is_refused_with_the_choices) {
  const auto both = target_named("a:1", targets());
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().exit_code, kExitUsage);
  EXPECT_EQ(both.error().fix, "write one of web@a:1, api@a:1");
}

TEST(TargetName, an_unknown_one_is_not_found_and_the_nearest_is_named) {
  const auto none = target_named("web@c:1", targets());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().exit_code, kExitNotFound);
  EXPECT_EQ(none.error().fix, "did you mean \"web@a:1\"?");
}

TEST(TargetName, an_answer_of_another_shape_holds_no_target) {
  EXPECT_FALSE(target_named("a:1", Json()));
  EXPECT_FALSE(target_named("a:1", {{"targets", {1, "x"}}}));
}

}  // namespace
}  // namespace engine::cli
