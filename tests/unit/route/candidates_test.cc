// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/candidates.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/route/hash.h"

namespace engine::route {
namespace {

using State = Candidates::State;

struct One {
  Pool pool;
  State state;
};

Candidates of(const std::vector<One>& targets) {
  Candidates candidates;
  for (std::uint32_t at = 0; at < targets.size(); ++at)
    candidates.add(at, targets[at].pool, targets[at].state);
  return candidates;
}

TEST(Candidates, readers_come_first_for_who_may_use_them) {
  const Candidates both = of({{Pool::Writers, State::Able},
                              {Pool::Readers, State::Able},
                              {Pool::Readers, State::Unable},
                              {Pool::Readers, State::Able}});
  EXPECT_EQ(both.usable(Pool::Readers), 0b1010U);
  EXPECT_EQ(both.usable(Pool::Writers), 0b0001U);
}

TEST(Candidates, readers_yield_to_writers_and_never_the_other_way) {
  const Candidates no_reader = of({{Pool::Writers, State::Able}, {Pool::Readers, State::Unable}});
  EXPECT_EQ(no_reader.usable(Pool::Readers), 0b01U);
  const Candidates no_writer = of({{Pool::Writers, State::Unable}, {Pool::Readers, State::Able}});
  EXPECT_EQ(no_writer.usable(Pool::Writers), 0U);
}

TEST(Candidates, old_and_new_never_stand_in_for_each_other) {
  const Candidates old_only = of({{Pool::Writers, State::Able},
                                  {Pool::Readers, State::Able},
                                  {Pool::NewWriters, State::Unable},
                                  {Pool::NewReaders, State::Unable}});
  EXPECT_EQ(old_only.usable(Pool::NewReaders), 0U);
  EXPECT_EQ(old_only.usable(Pool::NewWriters), 0U);
  const Candidates new_only = of({{Pool::Writers, State::Unable},
                                  {Pool::NewWriters, State::Able},
                                  {Pool::NewReaders, State::Unable}});
  EXPECT_EQ(new_only.usable(Pool::Readers), 0U);
  EXPECT_EQ(new_only.usable(Pool::NewReaders), 0b010U);
}

TEST(Candidates, ejected_ones_are_left_out_while_there_are_others) {
  const Candidates one_left = of({{Pool::Writers, State::Ejected}, {Pool::Writers, State::Able}});
  EXPECT_EQ(one_left.usable(Pool::Writers), 0b10U);
  const Candidates none_left = of({{Pool::Writers, State::Ejected},
                                   {Pool::Writers, State::Unable},
                                   {Pool::Writers, State::Ejected}});
  EXPECT_EQ(none_left.usable(Pool::Writers), 0b101U);
}

TEST(Candidates, a_good_writer_is_better_than_an_ejected_reader) {
  const Candidates good = of({{Pool::Writers, State::Able}, {Pool::Readers, State::Ejected}});
  EXPECT_EQ(good.usable(Pool::Readers), 0b01U);
  const Candidates bad = of({{Pool::Writers, State::Ejected}, {Pool::Readers, State::Ejected}});
  EXPECT_EQ(bad.usable(Pool::Readers), 0b10U);
}

TEST(Candidates, the_last_position_counts_like_the_first) {
  Candidates candidates;
  candidates.add(kTargetsMax - 1, Pool::Writers, State::Able);
  EXPECT_EQ(candidates.usable(Pool::Writers), std::uint64_t{1} << 63);
}

TEST(Candidates, a_purpose_decides_the_pool) {
  const Candidates old_ones = of({{Pool::Writers, State::Able}, {Pool::Readers, State::Able}});
  EXPECT_EQ(pool_for({.reads = true}, old_ones), Pool::Readers);
  EXPECT_EQ(pool_for({.reads = false}, old_ones), Pool::Writers);
  EXPECT_EQ(pool_for({.reads = true, .wrote_just = true}, old_ones), Pool::Writers);
  EXPECT_EQ(pool_for({.reads = true, .rolled_out = true}, old_ones), Pool::Readers);

  const Candidates rollout = of({{Pool::Writers, State::Able}, {Pool::NewWriters, State::Unable}});
  EXPECT_EQ(pool_for({.reads = true, .rolled_out = true}, rollout), Pool::NewReaders);
  EXPECT_EQ(pool_for({.rolled_out = true}, rollout), Pool::NewWriters);
  EXPECT_EQ(pool_for({.reads = true}, rollout), Pool::Readers);
}

TEST(Candidates, a_rollout_covers_a_share_of_the_values_and_those_listed) {
  const Rollout tenth{
      .cookie = "user", .split_point = UINT32_MAX / 10, .allow_list = {"anna", "zoe"}};
  int covered = 0;
  for (int i = 0; i < 10'000; ++i) covered += covers(tenth, "user-" + std::to_string(i)) ? 1 : 0;
  EXPECT_NEAR(covered, 1000, 120);
  EXPECT_TRUE(covers(tenth, "anna"));
  EXPECT_TRUE(covers(tenth, "zoe"));
}

TEST(Candidates, a_rollout_covers_values_up_to_its_split_point_and_nobody_without_one) {
  const std::uint32_t hash = fnv1a_32("bob");
  EXPECT_TRUE(covers({.cookie = "user", .split_point = hash, .allow_list = {}}, "bob"));
  EXPECT_FALSE(covers({.cookie = "user", .split_point = hash - 1, .allow_list = {}}, "bob"));
  EXPECT_FALSE(covers({.cookie = "user", .split_point = UINT32_MAX, .allow_list = {""}}, ""));
}

}  // namespace
}  // namespace engine::route
