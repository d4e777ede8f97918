// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/admin_socket.h"

#include <unistd.h>

#include <cstdlib>

namespace engine::control {

std::string admin_socket_path(const std::string& chosen, const std::string& state_directory) {
  if (!chosen.empty()) return chosen;
  if (::geteuid() == 0) return "/run/engine/admin.sock";
  const char* const folder = std::getenv("XDG_RUNTIME_DIR");
  if (folder != nullptr && *folder != '\0') return std::string(folder) + "/engine/admin.sock";
  return state_directory + "/admin.sock";
}

}  // namespace engine::control
