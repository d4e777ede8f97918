// SPDX-License-Identifier: GPL-3.0-or-later
// What proxy.toml says about the control API: where it listens, and who may use it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/complaint.h"
#include "config/listener.h"

namespace config {

struct Admin {
  std::string socket;            // path of the unix socket, fits sun_path; empty = the default
  std::string group;             // name; its members may use the socket too; empty = nobody
  std::optional<Listener> http;  // none = not over TCP; a loopback address where there is no token
  std::string token;             // visible ASCII; empty = there is none
};

// What is wrong with a value, wherever it was written.
std::optional<Complaint> check_socket_path(std::string_view path);
std::optional<Complaint> check_token(std::string_view token);

}  // namespace config
