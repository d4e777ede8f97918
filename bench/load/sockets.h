// SPDX-License-Identifier: GPL-3.0-or-later
// Loopback sockets for the load programs: they stop with a message at the first surprise.
// It must not know HTTP.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace load {

[[noreturn]] inline void die(const char* what) {
  std::fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, std::strerror(errno));
  std::exit(1);
}

inline int must(int result, const char* what) {
  if (result < 0) die(what);
  return result;
}

// A decimal argument of at least 1; anything else ends the program.
inline long number_argument(const char* text, const char* name) {
  char* end = nullptr;
  long value = std::strtol(text, &end, 10);
  if (end != text && *end == '\0' && value >= 1) return value;
  std::fprintf(stderr, "%s: %s must be a positive number, not \"%s\"\n",
               program_invocation_short_name, name, text);
  std::exit(2);
}

inline sockaddr_in loopback(long port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline void set_option(int fd, int level, int option) {
  int on = 1;
  must(setsockopt(fd, level, option, &on, sizeof on), "setsockopt");
}

// Accepted sockets inherit NODELAY.
inline int listen_on(long port) {
  int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  set_option(fd, SOL_SOCKET, SO_REUSEADDR);
  set_option(fd, IPPROTO_TCP, TCP_NODELAY);
  sockaddr_in address = loopback(port);
  must(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
  must(listen(fd, 4096), "listen");
  return fd;
}

// Negative (with errno) when the other side refuses. `flags` is 0 or SOCK_NONBLOCK; the connect
// itself always waits, which on loopback is no wait.
inline int connect_to(long port, int flags) {
  int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in address = loopback(port);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  set_option(fd, IPPROTO_TCP, TCP_NODELAY);
  if ((flags & SOCK_NONBLOCK) != 0) {
    must(fcntl(fd, F_SETFL, O_NONBLOCK), "fcntl");
  }
  return fd;
}

inline void raise_descriptor_limit() {
  rlimit limit{};
  must(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  limit.rlim_cur = limit.rlim_max;
  must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

inline void watch(int epoll, int fd, uint32_t events, uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

}  // namespace load
