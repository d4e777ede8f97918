// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/socket_access.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "engine/cli/user.h"

namespace engine::cli {
namespace {

namespace fs = std::filesystem;

std::string group_name(gid_t gid) {
  const group* entry = ::getgrgid(gid);
  return entry == nullptr ? fmt::format("group {}", gid) : entry->gr_name;
}

// What can be seen of a forbidden socket may be only a folder above it.
ApiFailure forbidden(const std::string& path) {
  ApiFailure failure{.exit_code = kExitPermission, .error = path + ": permission denied"};
  struct stat seen{};
  fs::path place = fs::absolute(path);
  while (::stat(place.c_str(), &seen) != 0 && place != place.root_path()) {
    place = place.parent_path();
  }
  failure.cause =
      fmt::format("{} is {}'s, group {}, mode {:04o}", place.string(), user_name(seen.st_uid),
                  group_name(seen.st_gid), seen.st_mode & 07777);
  failure.fix = fmt::format("call as {}, such as with sudo", user_name(seen.st_uid));
  if (S_ISSOCK(seen.st_mode) && (seen.st_mode & S_IWGRP) != 0) {
    failure.fix += ", or become a member of group " + group_name(seen.st_gid);
  }
  return failure;
}

ApiFailure failure_to_connect(const std::string& path, int error) {
  switch (error) {
    case EACCES:
    case EPERM: return forbidden(path);
    case EAGAIN:
      return {.exit_code = kExitTimeout,
              .error = "the engine on " + path + " takes no call",
              .cause = "it is busy or stopped; its log may say more"};
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
      return {.exit_code = kExitUnreachable,
              .error = "no engine answers on " + path,
              .fix = "start it: engine --config proxy.toml; or say where it is: --socket PATH"};
    default:
      return {.exit_code = kExitUnreachable,
              .error = "no engine answers on " + path,
              .cause = std::strerror(error),
              .fix = "say where it is: --socket PATH"};
  }
}

}  // namespace

std::expected<int, ApiFailure> open_socket(const std::string& path, config::Milliseconds timeout) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) {
    return std::unexpected(
        ApiFailure{.exit_code = kExitUsage,
                   .error = "the path of the socket is too long: " + path,
                   .fix = fmt::format("at most {} bytes", sizeof address.sun_path - 1)});
  }
  path.copy(address.sun_path, path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(failure_to_connect(path, errno));
  // Blocking until it is connected: a full queue has no event to wait for.
  const timeval patience{.tv_sec = timeout.count() / 1000,
                         .tv_usec = timeout.count() % 1000 * 1000};
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    ::close(fd);
    return std::unexpected(failure_to_connect(path, error));
  }
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

}  // namespace engine::cli
