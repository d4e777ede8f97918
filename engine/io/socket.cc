// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/io/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

namespace engine::io {
namespace {

void set(int socket, int level, int option, int value) {
  ::setsockopt(socket, level, option, &value, sizeof value);
}

int open_bound(const sockaddr* address, socklen_t length, bool shared) {
  const int socket = ::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return -errno;
  set(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (shared) set(socket, SOL_SOCKET, SO_REUSEPORT, 1);
  // ":80" opens one socket per family.
  if (address->sa_family == AF_INET6) set(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (::bind(socket, address, length) < 0) {
    const int error = errno;
    ::close(socket);
    return -error;
  }
  return socket;
}

}  // namespace

std::expected<int, int> open_listener(const sockaddr* address, socklen_t length, int backlog) {
  const int socket = open_bound(address, length, true);
  if (socket < 0) return std::unexpected(-socket);
  set_tcp_options(socket);
  if (::listen(socket, backlog) == 0) return socket;
  const int error = errno;
  ::close(socket);
  return std::unexpected(error);
}

bool is_taken(const sockaddr* address, socklen_t length) {
  const int socket = open_bound(address, length, false);
  if (socket == -EADDRINUSE) return true;
  if (socket < 0) return false;
  ::close(socket);
  return false;
}

void set_tcp_options(int socket) {
  constexpr int kUserTimeoutMs = 30'000;  // unacknowledged data ends a dead peer's connection
  constexpr int kKeepaliveIdleSeconds = 60;
  set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(socket, IPPROTO_TCP, TCP_KEEPIDLE, kKeepaliveIdleSeconds);
  set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMs);
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = raised.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur;
}

}  // namespace engine::io
