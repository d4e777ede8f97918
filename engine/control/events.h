// SPDX-License-Identifier: GPL-3.0-or-later
// What happened, as JSON objects, for whoever listens: the last ones are kept. On the control
// thread.
#pragma once

#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/async/await.h"

namespace engine::control {

class Events {
 public:
  static constexpr std::size_t kKept = 1000;

  struct One {
    std::uint64_t number = 0;  // from 1, without gaps
    std::string kind;          // "deploy", "health", "gate", "reload", "target", "route"
    std::string json;          // the object as text, with "at" and "event"
  };

  // `details` is an object.
  void add(std::string kind, nlohmann::json details);
  // Of the last one; 0 when there was none.
  [[nodiscard]] std::uint64_t last() const { return last_; }
  // The first kept one whose number is greater; null when there is none.
  [[nodiscard]] const One* after(std::uint64_t number) const;
  // Notified with every new one.
  [[nodiscard]] async::Event& added() { return added_; }

 private:
  std::deque<One> kept_;
  std::uint64_t last_ = 0;
  async::Event added_;
};

}  // namespace engine::control
