// SPDX-License-Identifier: GPL-3.0-or-later
// Opens the addresses that a configuration listens on, one socket for each worker, and keeps those that are open
// already. It must not know who accepts.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "engine/control/failure.h"
#include "engine/route/listen.h"
#include "engine/route/target.h"

namespace engine::control {

class Listeners {
 public:
  using List = std::vector<std::shared_ptr<const route::Listen>>;

  explicit Listeners(std::size_t worker_count) : worker_count_(worker_count) {}

  // Everything in `wanted`, each address once and in that order. Addresses that the last successful call returned are
  // returned again. On failure nothing new stays open. May wait up to a second for an address whose last holder was
  // just killed.
  [[nodiscard]] std::expected<List, Failure> open(std::span<const config::Listener> wanted);

 private:
  // An address to bind; `configured` is what finds it again at the next call, also when the port was 0.
  struct Place {
    std::string configured;
    route::Address address;
    bool optional = false;  // one of the two families of ":80"
  };

  static std::vector<Place> places_of(const config::Listener& listener);
  std::expected<std::shared_ptr<const route::Listen>, int> open_place(Place& place);
  std::expected<void, Failure> open_listener(const config::Listener& listener, List& list,
                                             std::unordered_map<std::string, List::value_type>& open);
  [[nodiscard]] bool is_taken(const route::Address& address) const;

  std::size_t worker_count_;
  std::unordered_map<std::string, List::value_type> current_;
  std::vector<std::weak_ptr<const route::Listen>> all_;  // also those that old snapshots still hold
};

}  // namespace engine::control
