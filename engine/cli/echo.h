// SPDX-License-Identifier: GPL-3.0-or-later
// `engine echo`: the demo and test upstream. One thread with an epoll loop of its own, so that a
// fault in engine/io never hides behind the same fault here; it shares the HTTP/1 library only.
#pragma once

#include <cstdint>
#include <string>

namespace engine::cli {

struct EchoOptions {
  std::string host;           // numeric address; empty: 127.0.0.1 and, where there is one, ::1
  std::uint16_t port = 3000;  // 0: a free one
  std::string unix_path;      // instead of a port
  bool quiet = false;         // nothing but the line with the address
};

// Serves until SIGINT or SIGTERM. Returns the exit code.
[[nodiscard]] int run_echo(const EchoOptions& options);

}  // namespace engine::cli
