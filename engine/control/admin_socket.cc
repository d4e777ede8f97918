// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/admin_socket.h"

#include <unistd.h>

#include <cstdlib>

#include "engine/control/certificates.h"

namespace engine::control {
namespace {

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string admin_socket_path(const std::string& configured) {
  if (std::string path = from_environment("ENGINE_SOCKET"); !path.empty()) return path;
  if (!configured.empty()) return configured;
  if (::geteuid() == 0) return "/run/engine/admin.sock";
  if (const std::string folder = from_environment("XDG_RUNTIME_DIR"); !folder.empty()) {
    return folder + "/engine/admin.sock";
  }
  return state_directory() + "/admin.sock";
}

}  // namespace engine::control
