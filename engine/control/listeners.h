// SPDX-License-Identifier: GPL-3.0-or-later
// Opens the addresses that a configuration listens on, one socket for each worker, and keeps those
// that are open already. It must not know who accepts.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/config.h"
#include "engine/control/failure.h"
#include "engine/route/listen.h"
#include "engine/route/target.h"

namespace engine::control {

class Listeners {
 public:
  using List = std::vector<std::shared_ptr<const route::Listen>>;

  // `collect` frees old snapshots that no worker uses any more.
  Listeners(std::size_t worker_count, std::function<void()> collect)
      : worker_count_(worker_count), collect_(std::move(collect)) {}

  // Sockets that listen already, for the addresses that they are bound to; taken by the first open(),
  // which closes those that nobody wants.
  void inherit(std::vector<int> sockets);

  // Everything in `wanted`, each address once and in that order. Addresses that the last successful
  // call returned are returned again. On failure nothing new stays open. May wait up to a second
  // for an address that is just being closed, by us or by the kernel.
  [[nodiscard]] std::expected<List, Failure> open(std::span<const config::Listener> wanted);

 private:
  // An address to bind; `configured` is what finds it again at the next call, also when the port
  // was 0.
  struct Place {
    std::string configured;
    route::Address address;
    bool optional = false;  // one of the two families of ":80"
  };

  static std::vector<Place> places_of(const config::Listener& listener);
  std::expected<List::value_type, int> find_or_open(Place& place);
  std::expected<List::value_type, int> open_place(Place& place);
  std::vector<int> take_inherited(const route::Address& address);
  std::expected<void, Failure> open_listener(const config::Listener& listener, List& list);
  [[nodiscard]] bool is_taken(const route::Address& address) const;

  void wait_until_closed(const std::weak_ptr<const route::Listen>& listen) const;

  std::size_t worker_count_;
  std::function<void()> collect_;
  std::unordered_multimap<std::string, int> inherited_;  // by address
  // Inherited sockets beyond one per worker, by Place::configured: who waits there is served too.
  std::unordered_map<std::string, List> surplus_;
  List in_force_;
  std::unordered_map<std::string, std::weak_ptr<const route::Listen>>
      open_;  // by Place::configured
};

}  // namespace engine::control
