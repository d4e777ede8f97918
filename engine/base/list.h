// SPDX-License-Identifier: GPL-3.0-or-later
// Intrusive doubly linked lists: an object is put on a list without an allocation and leaves it by
// itself when it ends.
#pragma once

#include <cstdint>

#include "engine/base/check.h"

namespace engine::base {

// A member of the object that is listed. `Tag` tells several hooks of one type apart.
class ListHook {
 public:
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;
  ~ListHook() { unlink(); }

  [[nodiscard]] bool linked() const { return next_ != nullptr; }

  // Leaves the list it is on; nothing happens when it is on none.
  void unlink() {
    if (!linked()) return;
    next_->prev_ = prev_;
    prev_->next_ = next_;
    next_ = prev_ = nullptr;
  }

 private:
  template <typename T, ListHook T::*>
  friend class List;

  ListHook* next_ = nullptr;
  ListHook* prev_ = nullptr;
};

// A list of objects of type T by their hook `Hook`. It owns nothing; it must be empty when it ends.
template <typename T, ListHook T::* Hook>
class List {
 public:
  List() { head_.next_ = head_.prev_ = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    ENSURE(empty(), "a list ends while objects are still on it");
    head_.next_ = head_.prev_ = nullptr;
  }

  [[nodiscard]] bool empty() const { return head_.next_ == &head_; }
  [[nodiscard]] T& front() { return owner(head_.next_); }
  [[nodiscard]] T& back() { return owner(head_.prev_); }

  void push_back(T& object) { insert(object.*Hook, head_.prev_, &head_); }
  void push_front(T& object) { insert(object.*Hook, &head_, head_.next_); }

  T& pop_front() {
    T& object = front();
    (object.*Hook).unlink();
    return object;
  }

  // Calls `visit(T&)` for every object; `visit` may unlink the object it is given, and no other.
  template <typename Visit>
  void for_each(Visit visit) {
    for (ListHook* at = head_.next_; at != &head_;) {
      ListHook* next = at->next_;
      visit(owner(at));
      at = next;
    }
  }

 private:
  static void insert(ListHook& hook, ListHook* before, ListHook* after) {
    ENSURE(!hook.linked(), "an object is put on a second list by the same hook");
    hook.prev_ = before;
    hook.next_ = after;
    before->next_ = &hook;
    after->prev_ = &hook;
  }

  static T& owner(ListHook* hook) {
    // The offset of a data member: T is not standard-layout in general, but has no virtual bases.
    const auto offset =
        reinterpret_cast<std::uintptr_t>(&(reinterpret_cast<T*>(kProbe)->*Hook)) - kProbe;
    return *reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(hook) - offset);
  }

  static constexpr std::uintptr_t kProbe = 4096;
  ListHook head_;
};

}  // namespace engine::base
