// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/echo.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <vector>

#include "engine/cli/echo_connection.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/say.h"

namespace engine::cli {
namespace {

constexpr std::uint64_t kListenerMark = UINT64_C(1) << 63;
constexpr int kBacklog = 4096;
constexpr int kAcceptsPerTick = 64;

volatile sig_atomic_t stop_asked = 0;

void on_stop(int) { stop_asked = 1; }

struct Address {
  sockaddr_storage storage{};
  socklen_t bytes = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

bool make_address(const std::string& host, std::uint16_t port, Address& address) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.bytes = sizeof *v4;
    return true;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) != 1) return false;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  address.bytes = sizeof *v6;
  return true;
}

bool make_unix_address(const std::string& path, Address& address) {
  auto* name = reinterpret_cast<sockaddr_un*>(&address.storage);
  if (path.empty() || path.size() >= sizeof name->sun_path) return false;
  name->sun_family = AF_UNIX;
  std::memcpy(name->sun_path, path.c_str(), path.size() + 1);
  address.bytes = sizeof *name;
  return true;
}

// A listening socket, or -1 with errno.
int listen_on(Address& address) {
  const int family = address.get()->sa_family;
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  if (family != AF_UNIX) {
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // Accepted sockets inherit it: one call less for each.
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd, address.get(), address.bytes) == 0 && ::listen(fd, kBacklog) == 0) return fd;
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

std::uint16_t port_of(int fd) {
  Address address;
  address.bytes = sizeof address.storage;
  ::getsockname(fd, address.get(), &address.bytes);
  if (address.get()->sa_family == AF_INET6) {
    return ntohs(reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port);
  }
  return ntohs(reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port);
}

void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

class EchoServer {
 public:
  EchoServer() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;
  ~EchoServer();

  void add_listener(int fd);
  // Until a signal asks to stop; `while_waiting` is the signal mask for the waits.
  void serve(const sigset_t& while_waiting);

 private:
  void dispatch(const epoll_event& event);
  void accept_from(int listener);
  void advance(EchoConnection& connection);
  void run_timers();
  [[nodiscard]] int wait_ms() const;

  int epoll_;
  std::vector<int> listeners_;
  EchoShared shared_;
  std::deque<EchoConnection> connections_;  // slots: their addresses never change
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> again_;
};

EchoServer::~EchoServer() {
  for (EchoConnection& connection : connections_) {
    if (connection.is_open()) connection.close();
  }
  for (const int listener : listeners_) ::close(listener);
  ::close(epoll_);
}

void EchoServer::add_listener(int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kListenerMark | static_cast<unsigned>(fd)}};
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  listeners_.push_back(fd);
}

void EchoServer::serve(const sigset_t& while_waiting) {
  std::array<epoll_event, 256> events;
  std::vector<std::uint32_t> again;
  while (stop_asked == 0) {
    const int wait = again_.empty() ? wait_ms() : 0;
    const int count = ::epoll_pwait(epoll_, events.data(), events.size(), wait, &while_waiting);
    shared_.now = base::monotonic_now();
    for (int i = 0; i < count; ++i) dispatch(events[static_cast<std::size_t>(i)]);
    run_timers();
    again.swap(again_);
    for (const std::uint32_t slot : again) {
      if (connections_[slot].is_open()) advance(connections_[slot]);
    }
    again.clear();
  }
}

void EchoServer::dispatch(const epoll_event& event) {
  if ((event.data.u64 & kListenerMark) != 0) {
    accept_from(static_cast<int>(event.data.u64 & ~kListenerMark));
    return;
  }
  EchoConnection& connection = connections_[static_cast<std::uint32_t>(event.data.u64)];
  const std::uint32_t generation = connection.generation() & 0x7fffffff;
  if (!connection.is_open() || event.data.u64 >> 32 != generation) return;
  connection.on_ready(event.events);
  advance(connection);
}

void EchoServer::accept_from(int listener) {
  for (int i = 0; i < kAcceptsPerTick; ++i) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(connections_.size()));
      connections_.emplace_back(shared_, free_.back());
    }
    EchoConnection& connection = connections_[free_.back()];
    free_.pop_back();
    connection.open(fd);
    const std::uint64_t generation = connection.generation() & 0x7fffffff;
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                      .data = {.u64 = generation << 32 | connection.slot()}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    advance(connection);
  }
}

void EchoServer::advance(EchoConnection& connection) {
  switch (connection.advance()) {
    case EchoConnection::Outcome::Waits: return;
    case EchoConnection::Outcome::Again: again_.push_back(connection.slot()); return;
    case EchoConnection::Outcome::Over: break;
  }
  connection.close();
  free_.push_back(connection.slot());
}

void EchoServer::run_timers() {
  const auto later = [](const EchoTimer& a, const EchoTimer& b) { return a.due > b.due; };
  std::vector<EchoTimer>& timers = shared_.timers;
  while (!timers.empty() && timers.front().due <= shared_.now) {
    const EchoTimer timer = timers.front();
    std::pop_heap(timers.begin(), timers.end(), later);
    timers.pop_back();
    EchoConnection& connection = connections_[timer.slot];
    if (connection.is_open() && connection.generation() == timer.generation) advance(connection);
  }
}

int EchoServer::wait_ms() const {
  if (shared_.timers.empty()) return -1;
  const base::Time left = shared_.timers.front().due - base::monotonic_now();
  // Rounded up: waking too early would spin until the due time.
  return static_cast<int>(std::clamp<base::Time>(left / base::kMillisecond + 1, 0, 60'000));
}

int cannot_listen(const std::string& where, int error) {
  say_error("cannot listen on " + where + ": " + std::strerror(error));
  if (error == EADDRINUSE) say_fix("engine echo --port 0   (picks a free port)");
  if (error == EACCES) say_fix("engine echo --port 3000   (ports below 1024 are privileged)");
  return error == EACCES ? kExitPermission : kExitEnvironment;
}

int open_unix(const std::string& path, EchoServer& server, std::string& where) {
  where = "unix:" + path;
  Address address;
  if (!make_unix_address(path, address)) {
    say_error("the path of a socket has 1 to 107 octets: " + path);
    return kExitUsage;
  }
  ::unlink(path.c_str());  // what a killed predecessor left behind
  const int fd = listen_on(address);
  if (fd < 0) return cannot_listen(where, errno);
  server.add_listener(fd);
  return kExitOk;
}

int open_ports(const EchoOptions& options, EchoServer& server, std::string& where) {
  const bool both = options.host.empty();
  const std::string host = both ? "127.0.0.1" : options.host;
  const bool v6 = host.find(':') != std::string::npos;
  const std::string shown = v6 ? "[" + host + "]" : host;
  Address address;
  if (!make_address(host, options.port, address)) {
    say_error("\"" + host + "\" is not an IP address");
    say_fix("engine echo --host 127.0.0.1");
    return kExitUsage;
  }
  const int fd = listen_on(address);
  if (fd < 0) return cannot_listen(shown + ":" + std::to_string(options.port), errno);
  const std::uint16_t port = port_of(fd);
  server.add_listener(fd);
  where = "http://" + shown + ":" + std::to_string(port);

  // Many programs try ::1 first for "localhost"; a machine without IPv6 does without.
  Address loopback6;
  if (both && make_address("::1", port, loopback6)) {
    const int second = listen_on(loopback6);
    if (second >= 0) server.add_listener(second);
  }
  return kExitOk;
}

// Signals are blocked but while waiting, so that none slips in between the check and the wait.
sigset_t take_signals() {
  struct sigaction action{};
  action.sa_handler = on_stop;
  sigset_t stops;
  sigset_t before;
  sigemptyset(&stops);
  for (const int signal : {SIGINT, SIGTERM}) {
    ::sigaction(signal, &action, nullptr);
    sigaddset(&stops, signal);
  }
  ::sigprocmask(SIG_BLOCK, &stops, &before);
  sigdelset(&before, SIGINT);
  sigdelset(&before, SIGTERM);
  return before;
}

}  // namespace

int run_echo(const EchoOptions& options) {
  raise_file_limit();
  const sigset_t while_waiting = take_signals();
  EchoServer server;
  std::string where;
  const bool local = !options.unix_path.empty();
  const int failed =
      local ? open_unix(options.unix_path, server, where) : open_ports(options, server, where);
  if (failed != kExitOk) return failed;

  std::printf("echo listening on %s\n", where.c_str());
  std::fflush(stdout);
  if (!options.quiet && !local) say("try: curl " + where + "/headers");
  server.serve(while_waiting);
  if (local) ::unlink(options.unix_path.c_str());
  return kExitOk;
}

}  // namespace engine::cli
