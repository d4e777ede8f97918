// SPDX-License-Identifier: GPL-3.0-or-later
// A listening socket of the control API, and the file that a unix socket has. It must not know
// requests. On the control thread, which opening one may hold up for a second.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "engine/control/api_guard.h"
#include "engine/control/failure.h"

namespace engine::control {

class ApiListener {
 public:
  using Opened = std::expected<std::unique_ptr<ApiListener>, Failure>;

  // Mode 0600, or 0660 with a group; a missing folder is made, for the same people. The socket of
  // an engine that lives is left alone, unless it is `displaces`; that of a dead one is replaced.
  static Opened open_unix(const std::string& path, const std::string& group, pid_t displaces = 0);
  // On that address alone. What is not a loopback address needs a token.
  static Opened open_tcp(const route::Address& address, const std::string& token,
                         pid_t displaces = 0);
  // Removes the file, unless somebody else has put another one there.
  ~ApiListener();
  ApiListener(const ApiListener&) = delete;
  ApiListener& operator=(const ApiListener&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] const ApiDoor& door() const { return door_; }
  // Of a TCP listener, also when it was left to the kernel.
  [[nodiscard]] std::uint16_t port() const;
  // Who is at the other end of a connection that was accepted here.
  [[nodiscard]] ApiPeer peer_of(int socket) const;

 private:
  ApiListener() = default;

  static Opened bind_unix(const std::string& path, const route::Address& address,
                          std::optional<gid_t> group);
  [[nodiscard]] bool is_ours(const struct ::stat& file) const {
    return file.st_dev == device_ && file.st_ino == inode_;
  }

  int descriptor_ = -1;
  ApiDoor door_;
  std::string path_;  // empty: none
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace engine::control
