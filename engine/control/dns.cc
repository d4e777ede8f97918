// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/dns.h"

#include <ares.h>
#include <netdb.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

namespace engine::control {
namespace {

// One try may take this long; a second one goes out before we give up.
constexpr int kTryTimeoutMs = 2'000;
constexpr int kTries = 2;
constexpr base::Time kMarkInterval = base::kSecond;

std::string explain(int status, const std::string& name) {
  switch (status) {
    case ARES_ENOTFOUND: return "NXDOMAIN for " + name;
    case ARES_ENODATA: return "no addresses for " + name;
    case ARES_ETIMEOUT: return "no answer from DNS in time for " + name;
    // Versions before 1.19 say "connection refused" when every server was tried, also after
    // SERVFAIL.
    case ARES_ECONNREFUSED:
    case ARES_ESERVFAIL:
    case ARES_EREFUSED: return "no DNS server has an answer for " + name;
    default: return name + ": " + ares_strerror(status);
  }
}

DnsAnswer read_answer(const ares_addrinfo* info, const std::string& name) {
  DnsAnswer answer;
  int ttl = std::numeric_limits<int>::max();
  for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
    route::Address address;
    if (static_cast<std::size_t>(node->ai_addrlen) > sizeof address.storage) continue;
    address.length = static_cast<socklen_t>(node->ai_addrlen);
    std::memcpy(&address.storage, node->ai_addr, address.length);
    answer.addresses.push_back(address);
    ttl = std::min(ttl, node->ai_ttl);
  }
  for (const ares_addrinfo_cname* alias = info->cnames; alias != nullptr; alias = alias->next) {
    ttl = std::min(ttl, alias->ttl);
  }
  if (answer.addresses.empty())
    answer.failure = explain(ARES_ENODATA, name);
  else
    answer.ttl = ttl * base::kSecond;
  return answer;
}

}  // namespace

struct Dns::Library {
  ares_channel channel = nullptr;

  Library() = default;
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  // Every open question is answered with ARES_EDESTRUCTION.
  ~Library() {
    if (channel != nullptr) ares_destroy(channel);
  }

  static void on_socket(void* self, ares_socket_t socket, int readable, int writable) {
    const int sockets = static_cast<Dns*>(self)->sockets_;
    epoll_event event{};
    event.events = (readable != 0 ? EPOLLIN : 0U) | (writable != 0 ? EPOLLOUT : 0U);
    event.data.fd = socket;
    if (event.events == 0) {
      ::epoll_ctl(sockets, EPOLL_CTL_DEL, socket, nullptr);
    } else if (::epoll_ctl(sockets, EPOLL_CTL_MOD, socket, &event) != 0) {
      ::epoll_ctl(sockets, EPOLL_CTL_ADD, socket, &event);
    }
  }

  static void on_answer(void* argument, int status, int /*timeouts*/, ares_addrinfo* info) {
    const std::unique_ptr<Query> query(static_cast<Query*>(argument));
    Dns& dns = *query->dns;
    DnsAnswer answer;
    if (status == ARES_SUCCESS && info != nullptr)
      answer = read_answer(info, query->name);
    else if (status != ARES_EDESTRUCTION)
      answer.failure = explain(status, query->name);
    if (info != nullptr) ares_freeaddrinfo(info);
    if (!dns.closing_) dns.answered_(query->name, answer);
  }
};

Dns::Dns(io::Ring& ring, io::Timers& timers, std::string servers, Answered answered)
    : ring_(ring),
      timers_(timers),
      servers_(std::move(servers)),
      answered_(std::move(answered)),
      readable_(io::On<&Dns::on_readable>(), this),
      timeout_(io::Expires<&Dns::on_timeout>(), this) {}

Dns::~Dns() {
  closing_ = true;
  library_.reset();
  if (sockets_ >= 0) ::close(sockets_);
}

std::string Dns::open() {
  sockets_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (sockets_ < 0) return std::string("epoll_create1: ") + std::strerror(errno);
  mark_ = read_mark();
  if (std::string failure = start_library(); !failure.empty()) return failure;
  ring_.poll(readable_, sockets_, POLLIN);
  return {};
}

std::string Dns::start_library() {
  auto library = std::make_unique<Library>();
  ares_options options{};
  options.flags = 0;
  options.timeout = kTryTimeoutMs;
  options.tries = kTries;
  options.sock_state_cb = &Library::on_socket;
  options.sock_state_cb_data = this;
  int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
  // When to ask again is our decision.
  options.qcache_max_ttl = 0;
  mask |= ARES_OPT_QUERY_CACHE;
#endif
  int status = ares_init_options(&library->channel, &options, mask);
  if (status == ARES_SUCCESS && !servers_.empty()) {
    status = ares_set_servers_ports_csv(library->channel, servers_.c_str());
  }
  if (status != ARES_SUCCESS) return ares_strerror(status);
  library_ = std::move(library);
  return {};
}

void Dns::ask(const std::string& name) {
  reopen_when_changed();
  if (library_ == nullptr) {
    answered_(name, {.addresses = {}, .failure = name + ": there is no DNS resolver", .ttl = 0});
    return;
  }
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  auto query = std::make_unique<Query>(Query{this, name});
  ares_getaddrinfo(library_->channel, name.c_str(), nullptr, &hints, &Library::on_answer,
                   query.release());
  arm();
}

void Dns::close() {
  closing_ = true;
  timers_.clear(timeout_);
  ring_.cancel(readable_);
}

Dns::FileMark Dns::read_mark() {
  struct stat status{};
  if (::stat("/etc/resolv.conf", &status) != 0) return {};
  return {static_cast<std::int64_t>(status.st_ino), status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
          status.st_size};
}

// Containers and laptops change networks: resolv.conf is read again when it is another. The
// questions under way fail with the old servers, and are asked again by whoever asked.
void Dns::reopen_when_changed() {
  if (!servers_.empty() || ring_.now() < mark_checked_ + kMarkInterval) return;
  mark_checked_ = ring_.now();
  const FileMark mark = read_mark();
  if (mark == mark_) return;
  mark_ = mark;
  library_.reset();
  static_cast<void>(start_library());
}

void Dns::on_readable(const io::Completion& completion) {
  if (completion.result == -ECANCELED || closing_) return;
  process();
  ring_.poll(readable_, sockets_, POLLIN);
}

void Dns::on_timeout() {
  if (library_ != nullptr) ares_process_fd(library_->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  arm();
}

void Dns::process() {
  std::array<epoll_event, 32> events{};
  const int count = ::epoll_wait(sockets_, events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count && library_ != nullptr; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    constexpr std::uint32_t kFailed = EPOLLERR | EPOLLHUP;
    const bool readable = (event.events & (EPOLLIN | kFailed)) != 0;
    const bool writable = (event.events & (EPOLLOUT | kFailed)) != 0;
    ares_process_fd(library_->channel, readable ? event.data.fd : ARES_SOCKET_BAD,
                    writable ? event.data.fd : ARES_SOCKET_BAD);
  }
  arm();
}

void Dns::arm() {
  if (library_ == nullptr || closing_) return;
  timeval left{};
  if (ares_timeout(library_->channel, nullptr, &left) == nullptr) {
    timers_.clear(timeout_);
    return;
  }
  timers_.set(timeout_,
              ring_.now() + left.tv_sec * base::kSecond + left.tv_usec * base::kMicrosecond);
}

}  // namespace engine::control
