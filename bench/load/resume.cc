// SPDX-License-Identifier: GPL-3.0-or-later
// A closed loop of short TLS 1.3 connections: resumed handshake, one request, close. All resume the
// very first one, which alone makes a full handshake; not the newest, because h2o does not resume
// what was resumed.
//
//   resume PORT SECONDS CONNECTIONS   prints "counted " and one line of JSON, as count.lua does;
//                                     "full" are those that the other side did not resume
#include <chrono>
#include <csignal>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/sockets.h"
#include "bench/load/tls_client.h"

namespace {

constexpr std::string_view kRequest =
    "GET /ok HTTP/1.1\r\nHost: bench.test\r\nConnection: close\r\n\r\n";

using Clock = std::chrono::steady_clock;

struct Slot {
  int fd = -1;
  load::Tls tls;
  bool sent = false;
  std::string answer;
};

struct Counts {
  long requests = 0;
  long bytes = 0;
  long errors = 0;
  long bad_status = 0;
  long full = 0;
};

class Generator {
 public:
  explicit Generator(long port)
      : port_(port),
        epoll_(load::must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        context_(load::tls_context()) {}

  Counts run(long seconds, long connections) {
    std::vector<Slot> slots(static_cast<std::size_t>(connections));
    make_session();
    Clock::time_point deadline = Clock::now() + std::chrono::seconds(seconds);
    for (Slot& slot : slots) open_resumed(slot);
    epoll_event events[256];
    while (Clock::now() < deadline) {
      int count = epoll_wait(epoll_, events, 256, 100);
      if (count < 0 && errno != EINTR) load::die("epoll_wait");
      for (int i = 0; i < count; ++i) {
        advance(*static_cast<Slot*>(events[i].data.ptr));
      }
    }
    return counts_;
  }

 private:
  // On a descriptor that blocks, a connection is over in one go.
  void make_session() {
    Slot slot;
    open(slot, 0);
    write_and_read(slot);
    if (is_whole(slot.answer)) session_.reset(SSL_get1_session(slot.tls.get()));
    if (session_ == nullptr || SSL_SESSION_is_resumable(session_.get()) == 0) {
      std::fprintf(stderr, "resume: the first connection got no good answer or no ticket\n");
      std::exit(1);
    }
    end(slot);
  }

  void open(Slot& slot, int flags) {
    slot.fd = load::must(load::connect_to(port_, flags), "connect");
    slot.tls = load::tls_over(context_.get(), slot.fd);
    slot.sent = false;
    slot.answer.clear();
  }

  void open_resumed(Slot& slot) {
    open(slot, SOCK_NONBLOCK);
    load::tls_must(SSL_set_session(slot.tls.get(), session_.get()) == 1, "SSL_set_session");
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = &slot;
    load::must(epoll_ctl(epoll_, EPOLL_CTL_ADD, slot.fd, &event), "epoll_ctl");
  }

  void advance(Slot& slot) {
    if (!write_and_read(slot)) return;
    count(slot);
    end(slot);
    open_resumed(slot);
  }

  // True when the connection is over.
  static bool write_and_read(Slot& slot) {
    ERR_clear_error();
    if (!slot.sent) {
      int count = SSL_write(slot.tls.get(), kRequest.data(), static_cast<int>(kRequest.size()));
      if (count <= 0) return !waits(slot, count);
      slot.sent = true;
    }
    char piece[4096];
    for (;;) {
      int count = SSL_read(slot.tls.get(), piece, sizeof piece);
      if (count <= 0) return !waits(slot, count);
      slot.answer.append(piece, static_cast<std::size_t>(count));
    }
  }

  static bool waits(const Slot& slot, int result) {
    int error = SSL_get_error(slot.tls.get(), result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  }

  static bool is_whole(std::string_view answer) { return answer.ends_with("\r\n\r\nok"); }

  void count(const Slot& slot) {
    if (!is_whole(slot.answer)) {
      ++counts_.errors;
      return;
    }
    ++counts_.requests;
    counts_.bytes += static_cast<long>(slot.answer.size());
    counts_.bad_status += slot.answer.starts_with("HTTP/1.1 200 ") ? 0 : 1;
    counts_.full += SSL_session_reused(slot.tls.get()) == 1 ? 0 : 1;
  }

  static void end(Slot& slot) {
    slot.tls.reset();
    close(slot.fd);
  }

  long port_;
  int epoll_;
  load::TlsContext context_;
  load::TlsSession session_;
  Counts counts_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: resume PORT SECONDS CONNECTIONS\n");
    return 2;
  }
  long port = load::number_argument(argv[1], "PORT");
  long seconds = load::number_argument(argv[2], "SECONDS");
  long connections = load::number_argument(argv[3], "CONNECTIONS");
  std::signal(SIGPIPE, SIG_IGN);
  load::raise_descriptor_limit();
  Counts found = Generator(port).run(seconds, connections);
  std::printf(
      "counted {\"requests\": %ld, \"microseconds\": %ld, \"bytes\": %ld, \"errors\": %ld, "
      "\"bad_status\": %ld, \"full\": %ld}\n",
      found.requests, seconds * 1'000'000, found.bytes, found.errors, found.bad_status, found.full);
  return 0;
}
