// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/base/list.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace engine::base {
namespace {

// Two hooks behind members that make the type's layout uneven.
struct Item {
  explicit Item(int given) : number(given) {}
  std::string text = "something that owns memory";
  ListHook idle;
  int number;
  ListHook dirty;
};

using IdleList = List<Item, &Item::idle>;
using DirtyList = List<Item, &Item::dirty>;

template <typename AnyList>
std::vector<int> numbers(AnyList& list) {
  std::vector<int> result;
  list.for_each([&](Item& item) { result.push_back(item.number); });
  return result;
}

TEST(List, keeps_the_order_in_which_objects_were_put_at_either_end) {
  Item one(1), two(2), three(3);
  IdleList list;
  list.push_back(two);
  list.push_back(three);
  list.push_front(one);
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(&list.front(), &one);
  EXPECT_EQ(&list.back(), &three);
  while (!list.empty()) list.pop_front();
}

TEST(List, pop_front_gives_the_object_and_unlinks_it) {
  Item one(1);
  IdleList list;
  list.push_back(one);
  EXPECT_TRUE(one.idle.linked());
  EXPECT_EQ(&list.pop_front(), &one);
  EXPECT_FALSE(one.idle.linked());
  EXPECT_TRUE(list.empty());
}

TEST(List, an_object_leaves_its_list_when_it_ends) {
  Item one(1), three(3);
  IdleList list;
  list.push_back(one);
  {
    Item two(2);
    list.push_back(two);
    list.push_back(three);
  }
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 3}));
  one.idle.unlink();
  three.idle.unlink();
  EXPECT_TRUE(list.empty());
}

TEST(List, unlinking_twice_does_nothing) {
  Item one(1), two(2);
  IdleList list;
  list.push_back(one);
  list.push_back(two);
  one.idle.unlink();
  one.idle.unlink();
  EXPECT_EQ(numbers(list), (std::vector<int>{2}));
  two.idle.unlink();
}

TEST(List, the_hooks_of_an_object_are_independent) {
  Item one(1), two(2);
  IdleList idle;
  DirtyList dirty;
  idle.push_back(one);
  idle.push_back(two);
  dirty.push_back(two);
  dirty.push_back(one);
  one.idle.unlink();
  EXPECT_EQ(numbers(idle), (std::vector<int>{2}));
  EXPECT_EQ(numbers(dirty), (std::vector<int>{2, 1}));
  two.idle.unlink();
  two.dirty.unlink();
  one.dirty.unlink();
}

TEST(List, a_visit_may_unlink_or_end_the_object_it_is_given) {
  std::vector<std::unique_ptr<Item>> items;
  IdleList list;
  for (int i = 0; i < 5; ++i) list.push_back(*items.emplace_back(std::make_unique<Item>(i)));
  list.for_each([&](Item& item) {
    if (item.number % 2 == 0) items[static_cast<std::size_t>(item.number)].reset();
  });
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 3}));
  items.clear();
  EXPECT_TRUE(list.empty());
}

TEST(ListDeathTest, an_object_on_a_second_list_by_the_same_hook_is_our_own_mistake) {
  const auto twice = [] {
    Item one(1);
    IdleList first, second;
    first.push_back(one);
    second.push_back(one);
  };
  EXPECT_DEATH(twice(), "second list by the same hook");
}

TEST(ListDeathTest, a_list_that_ends_before_its_objects_is_our_own_mistake) {
  const auto early = [] {
    Item one(1);
    IdleList list;
    list.push_back(one);
  };
  EXPECT_DEATH(early(), "objects are still on it");
}

}  // namespace
}  // namespace engine::base
