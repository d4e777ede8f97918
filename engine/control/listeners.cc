// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/listeners.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "engine/control/port_owner.h"
#include "engine/io/socket.h"

namespace engine::control {
namespace {

constexpr int kBacklog = 4096;  // the kernel cuts it to net.core.somaxconn
// A killed process's ring holds its listener for a moment: the kernel takes it down asynchronously.
constexpr auto kTakenPatience = std::chrono::milliseconds(1000);
constexpr auto kTakenPause = std::chrono::milliseconds(20);
constexpr auto kClosingPause = std::chrono::milliseconds(1);

void set_port(route::Address& address, std::uint16_t port) {
  // sin_port and sin6_port lie at the same offset.
  reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port = htons(port);
}

std::uint16_t port_of(const route::Address& address) {
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

// Without a length when it is no socket.
route::Address bound_address(int socket) {
  route::Address address;
  address.length = sizeof address.storage;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0)
    address.length = 0;
  return address;
}

std::uint16_t bound_port(int socket) {
  const route::Address address = bound_address(socket);
  return address.length == 0 ? 0 : port_of(address);
}

route::Address numeric(std::string_view host, std::uint16_t port) {
  route::Address address;
  // The configuration has checked that it is a number; an empty address fails to bind with a clear
  // message.
  static_cast<void>(route::Address::parse_ip(host, port, address));
  return address;
}

// This machine lacks the family of an optional address: an IPv4-only container, for example.
bool is_absent_family(int error) { return error == EAFNOSUPPORT || error == EADDRNOTAVAIL; }

Failure explain(int error, const config::Listener& listener) {
  const std::string text = listener.text();
  const std::string port = std::to_string(listener.port);
  switch (error) {
    case EADDRINUSE: {
      const std::string owner = find_port_owner(listener.port);
      return {text + " is already in use" + (owner.empty() ? "" : " by " + owner),
              "stop the other program, or choose another address in `listen`"};
    }
    case EACCES:
    case EPERM:
      return {"this user may not listen on " + text + " (ports below 1024 are privileged)",
              "setcap 'cap_net_bind_service=+ep' on the engine's binary, "
              "AmbientCapabilities=CAP_NET_BIND_SERVICE "
              "in its systemd unit, or sysctl net.ipv4.ip_unprivileged_port_start=" +
                  port};
    case EADDRNOTAVAIL:
      return {"cannot listen on " + text + ": this machine has no such address",
              "use an address that `ip address` lists, or \":" + port + "\" for all of them"};
    case EMFILE:
    case ENFILE:
      return {"cannot listen on " + text + ": out of file descriptors",
              "raise the limit: ulimit -n, or LimitNOFILE= in the systemd unit"};
    default: return {"cannot listen on " + text + ": " + std::strerror(error), ""};
  }
}

}  // namespace

std::expected<Listeners::List, Failure> Listeners::open(std::span<const config::Listener> wanted) {
  std::erase_if(open_, [](const auto& each) { return each.second.expired(); });
  std::erase_if(surplus_, [this](const auto& each) { return !open_.contains(each.first); });
  List list;
  for (const config::Listener& listener : wanted) {
    if (auto done = open_listener(listener, list); !done) return std::unexpected(done.error());
  }
  for (const auto& [address, socket] : inherited_) ::close(socket);
  inherited_.clear();
  in_force_ = list;
  return list;
}

void Listeners::inherit(std::vector<int> sockets) {
  for (const int socket : sockets) {
    const route::Address address = bound_address(socket);
    if (address.length > 0) inherited_.emplace(address.text(), socket);
  }
}

std::vector<int> Listeners::take_inherited(const route::Address& address) {
  std::vector<int> sockets;
  const auto [first, last] = inherited_.equal_range(address.text());
  for (auto at = first; at != last; ++at) sockets.push_back(at->second);
  inherited_.erase(first, last);
  return sockets;
}

std::vector<Listeners::Place> Listeners::places_of(const config::Listener& listener) {
  if (!listener.host.empty()) {
    return {{listener.text(), numeric(listener.host, listener.port), false}};
  }
  const std::string port = std::to_string(listener.port);
  return {{"0.0.0.0:" + port, numeric("0.0.0.0", listener.port), true},
          {"[::]:" + port, numeric("::", listener.port), true}};
}

std::expected<void, Failure> Listeners::open_listener(const config::Listener& listener,
                                                      List& list) {
  int error = 0;
  bool any = false;
  std::uint16_t port = listener.port;
  for (Place& place : places_of(listener)) {
    set_port(place.address, port);  // ":0": the second family on the port that the first one got
    const auto listen = find_or_open(place);
    if (!listen) {
      error = listen.error();
      if (place.optional && is_absent_family(error)) continue;
      return std::unexpected(explain(error, listener));
    }
    any = true;
    port = (*listen)->port();
    if (std::ranges::find(list, *listen) != list.end()) continue;
    list.push_back(*listen);
    const List& surplus = surplus_[place.configured];
    list.insert(list.end(), surplus.begin(), surplus.end());
  }
  if (!any) return std::unexpected(explain(error, listener));
  return {};
}

std::expected<Listeners::List::value_type, int> Listeners::find_or_open(Place& place) {
  if (const auto known = open_.find(place.configured); known != open_.end()) {
    auto listen = known->second.lock();
    if (std::ranges::find(in_force_, listen) != in_force_.end()) return listen;
    listen.reset();
    wait_until_closed(known->second);
  }
  auto listen = open_place(place);
  if (listen) open_.insert_or_assign(place.configured, *listen);
  return listen;
}

// Workers shut down what an earlier reload took away. Sockets opened beside those would share the
// connections that come meanwhile with them, and they would be reset.
void Listeners::wait_until_closed(const std::weak_ptr<const route::Listen>& listen) const {
  const auto end = std::chrono::steady_clock::now() + kTakenPatience;
  while (!listen.expired() && std::chrono::steady_clock::now() < end) {
    collect_();
    std::this_thread::sleep_for(kClosingPause);
  }
}

std::expected<Listeners::List::value_type, int> Listeners::open_place(Place& place) {
  std::vector<int> sockets = take_inherited(place.address);
  if (sockets.empty() && is_taken(place.address)) return std::unexpected(EADDRINUSE);
  const auto listen_on = [&place](std::vector<int> descriptors) {
    return std::make_shared<const route::Listen>(place.address.text(), port_of(place.address),
                                                 std::move(descriptors));
  };
  while (sockets.size() > worker_count_) {
    std::vector<int> some(worker_count_, -1);
    for (int& each : some) {
      if (sockets.size() == worker_count_) break;
      each = sockets.back();
      sockets.pop_back();
    }
    surplus_[place.configured].push_back(listen_on(std::move(some)));
  }
  while (sockets.size() < worker_count_) {
    const auto socket = io::open_listener(place.address.get(), place.address.length, kBacklog);
    if (!socket) {
      for (const int each : sockets) ::close(each);
      return std::unexpected(socket.error());
    }
    sockets.push_back(*socket);
    set_port(place.address, bound_port(*socket));
  }
  return listen_on(std::move(sockets));
}

// With SO_REUSEPORT a second engine would bind and quietly take half of the connections. Our own
// listeners on that port look the same to the kernel, so then the check is left out.
bool Listeners::is_taken(const route::Address& address) const {
  const std::uint16_t port = port_of(address);
  const bool ours = std::ranges::any_of(open_, [port](const auto& each) {
    const auto listen = each.second.lock();
    return listen != nullptr && listen->port() == port;
  });
  if (ours || port == 0) return false;
  const auto end = std::chrono::steady_clock::now() + kTakenPatience;
  while (io::is_taken(address.get(), address.length)) {
    if (std::chrono::steady_clock::now() >= end) return true;
    std::this_thread::sleep_for(kTakenPause);
  }
  return false;
}

}  // namespace engine::control
