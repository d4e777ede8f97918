// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/base/slab.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace engine::base {
namespace {

struct Tracked {
  explicit Tracked(int* count) : alive(count) { ++*alive; }
  ~Tracked() { --*alive; }
  int* alive;
  std::string name = "a string that needs memory of its own";
};

TEST(Slab, objects_keep_their_places_while_others_come_and_go) {
  Slab<Tracked> slab;
  int alive = 0;
  std::vector<Tracked*> objects;
  std::set<Tracked*> places;
  for (int i = 0; i < 1000; ++i) objects.push_back(&slab.create(&alive));
  places.insert(objects.begin(), objects.end());

  EXPECT_EQ(places.size(), 1000U);
  EXPECT_EQ(slab.live(), 1000U);
  for (Tracked* each : objects) slab.destroy(*each);
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(slab.live(), 0U);
}

TEST(Slab, the_slot_freed_last_is_used_first) {
  Slab<Tracked> slab;
  int alive = 0;
  Tracked& first = slab.create(&alive);
  Tracked& second = slab.create(&alive);
  slab.destroy(second);
  slab.destroy(first);

  Tracked& next = slab.create(&alive);

  EXPECT_EQ(&next, &first);
  slab.destroy(next);
}

TEST(SlabDeathTest, a_slab_must_not_end_before_its_objects) {
  int alive = 0;
  EXPECT_DEATH(
      {
        Slab<Tracked> slab;
        static_cast<void>(slab.create(&alive));
      },
      "a slab ends while its objects live");
}

}  // namespace
}  // namespace engine::base
