// SPDX-License-Identifier: GPL-3.0-or-later
// A listening address: one socket for each worker, which the kernel spreads connections over
// (SO_REUSEPORT).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace engine::route {

class Listen {
 public:
  // Takes the descriptors, one per worker; -1 for a worker without one.
  Listen(std::string text, std::uint16_t port, std::vector<int> sockets)
      : text_(std::move(text)), port_(port), sockets_(std::move(sockets)) {}
  Listen(const Listen&) = delete;
  Listen& operator=(const Listen&) = delete;
  ~Listen();

  [[nodiscard]] const std::string& text() const { return text_; }  // "127.0.0.1:8080"
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int socket_of(std::size_t worker) const { return sockets_[worker]; }
  [[nodiscard]] const std::vector<int>& sockets() const { return sockets_; }

  // Another process accepts from the same sockets: they live on when this one ends. Any thread.
  void hand_over() const { handed_over_.store(true, std::memory_order_release); }
  [[nodiscard]] bool handed_over() const { return handed_over_.load(std::memory_order_acquire); }

 private:
  std::string text_;
  std::uint16_t port_;
  std::vector<int> sockets_;
  mutable std::atomic<bool> handed_over_{false};
};

}  // namespace engine::route
