// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/admin.h"

#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>

namespace config {

std::optional<Complaint> check_socket_path(std::string_view path) {
  constexpr std::size_t kPathBytesMax = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() <= kPathBytesMax) return std::nullopt;
  return Complaint{fmt::format("the path of a socket may have {} bytes, this one has {}",
                               kPathBytesMax, path.size()),
                   "choose a shorter one, such as \"/run/engine/admin.sock\""};
}

// It may come from a file of secrets: the message does not repeat it.
std::optional<Complaint> check_token(std::string_view token) {
  const bool is_visible = std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7f; });
  if (is_visible) return std::nullopt;
  return Complaint{
      "\"token\" has a blank or a character beyond ASCII, which an Authorization field cannot "
      "carry",
      "use letters and digits, for example of openssl rand -hex 32"};
}

}  // namespace config
