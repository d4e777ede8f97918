// SPDX-License-Identifier: GPL-3.0-or-later
// A listening address: one socket for each worker, which the kernel spreads connections over
// (SO_REUSEPORT).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace engine::route {

class Listen {
 public:
  // Takes the descriptors, one per worker.
  Listen(std::string text, std::uint16_t port, std::vector<int> sockets)
      : text_(std::move(text)), port_(port), sockets_(std::move(sockets)) {}
  Listen(const Listen&) = delete;
  Listen& operator=(const Listen&) = delete;
  ~Listen();

  [[nodiscard]] const std::string& text() const { return text_; }  // "127.0.0.1:8080"
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int socket_of(std::size_t worker) const { return sockets_[worker]; }

 private:
  std::string text_;
  std::uint16_t port_;
  std::vector<int> sockets_;
};

}  // namespace engine::route
