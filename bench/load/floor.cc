// SPDX-License-Identifier: GPL-3.0-or-later
// The least a proxy can cost: moves bytes between one client and one upstream connection without
// looking at them. What a proxy costs above this is the price of understanding HTTP.
//
//   floor PORT UPSTREAM_PORT copy      recv and send through one hot buffer
//   floor PORT UPSTREAM_PORT splice    answers through a 256 KiB pipe, never copied to user space
#include <fcntl.h>

#include <csignal>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/sockets.h"

namespace {

constexpr std::size_t kPipeBytes = 256 * 1024;
constexpr uint64_t kListenerTag = UINT64_MAX;

enum class Mode : uint8_t { Copy, Splice };

// What has left `from` and not yet reached `to`.
struct Flow {
  std::string copied;
  std::size_t copied_sent = 0;
  int pipe[2] = {-1, -1};
  std::size_t pipe_bytes = 0;
};

struct Pair {
  int client = -1;
  int upstream = -1;
  Flow request;
  Flow answer;
};

class Relay {
 public:
  Relay(long port, long upstream_port, Mode mode)
      : upstream_port_(upstream_port),
        mode_(mode),
        epoll_(load::must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        listener_(load::listen_on(port)),
        buffer_(64 * 1024, '\0') {
    load::watch(epoll_, listener_, EPOLLIN, kListenerTag);
  }

  [[noreturn]] void run() {
    epoll_event events[256];
    for (;;) {
      int count = epoll_wait(epoll_, events, 256, -1);
      if (count < 0 && errno != EINTR) load::die("epoll_wait");
      for (int i = 0; i < count; ++i) {
        if (events[i].data.u64 == kListenerTag) {
          accept_all();
        } else {
          on_event(*pairs_[events[i].data.u64 >> 1], (events[i].data.u64 & 1) != 0,
                   events[i].events);
        }
      }
    }
  }

 private:
  void accept_all() {
    for (;;) {
      int client = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client < 0) return;
      int upstream = load::connect_to(upstream_port_, SOCK_NONBLOCK);
      if (upstream < 0) load::die("connect to the upstream");
      auto slot = static_cast<std::size_t>(client);
      if (slot >= pairs_.size()) pairs_.resize(slot + 1);
      pairs_[slot] = std::make_unique<Pair>();
      pairs_[slot]->client = client;
      pairs_[slot]->upstream = upstream;
      if (mode_ == Mode::Splice) open_pipe(pairs_[slot]->answer);
      constexpr uint32_t kEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
      load::watch(epoll_, client, kEvents, slot << 1);
      load::watch(epoll_, upstream, kEvents, slot << 1 | 1);
    }
  }

  static void open_pipe(Flow& flow) {
    load::must(pipe2(flow.pipe, O_NONBLOCK | O_CLOEXEC), "pipe2");
    load::must(fcntl(flow.pipe[0], F_SETPIPE_SZ, kPipeBytes), "F_SETPIPE_SZ");
  }

  // Both directions are tried only as far as the events say that something has changed.
  void on_event(Pair& pair, bool is_upstream, uint32_t events) {
    if (pair.client < 0) return;
    bool open = true;
    bool readable = (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    bool writable = (events & EPOLLOUT) != 0;
    bool request_moves = is_upstream ? writable && is_waiting(pair.request) : readable;
    bool answer_moves = is_upstream ? readable : writable && is_waiting(pair.answer);
    if (request_moves) open = move(pair.client, pair.upstream, pair.request);
    if (open && answer_moves) open = move(pair.upstream, pair.client, pair.answer);
    if (!open) close_pair(pair);
  }

  static bool is_waiting(const Flow& flow) {
    return flow.pipe_bytes > 0 || flow.copied_sent < flow.copied.size();
  }

  // False at the end of either side.
  bool move(int from, int to, Flow& flow) {
    return flow.pipe[0] >= 0 ? splice_all(from, to, flow) : copy_all(from, to, flow);
  }

  bool copy_all(int from, int to, Flow& flow) {
    if (!flush(to, flow)) return false;
    while (flow.copied.empty()) {
      ssize_t count = recv(from, buffer_.data(), buffer_.size(), 0);
      if (count < 0) return errno == EAGAIN;
      if (count == 0) return false;
      auto size = static_cast<std::size_t>(count);
      ssize_t sent = send(to, buffer_.data(), size, MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) return false;
      auto gone = static_cast<std::size_t>(sent < 0 ? 0 : sent);
      flow.copied.assign(buffer_, gone, size - gone);
      flow.copied_sent = 0;
      if (size < buffer_.size()) return true;  // the socket is empty; its next byte is an event
    }
    return true;
  }

  static bool flush(int to, Flow& flow) {
    while (flow.copied_sent < flow.copied.size()) {
      ssize_t sent = send(to, flow.copied.data() + flow.copied_sent,
                          flow.copied.size() - flow.copied_sent, MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      flow.copied_sent += static_cast<std::size_t>(sent);
    }
    flow.copied.clear();
    flow.copied_sent = 0;
    return true;
  }

  static bool splice_all(int from, int to, Flow& flow) {
    constexpr unsigned kFlags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
    for (;;) {
      ssize_t in = splice(from, nullptr, flow.pipe[1], nullptr, kPipeBytes, kFlags);
      if (in == 0 || (in < 0 && errno != EAGAIN)) return false;
      if (in > 0) flow.pipe_bytes += static_cast<std::size_t>(in);
      if (flow.pipe_bytes == 0) return true;
      ssize_t out = splice(flow.pipe[0], nullptr, to, nullptr, flow.pipe_bytes, kFlags);
      if (out < 0) return errno == EAGAIN;
      flow.pipe_bytes -= static_cast<std::size_t>(out);
    }
  }

  static void close_pair(Pair& pair) {
    close(pair.upstream);
    close(pair.client);
    pair.client = -1;
    if (pair.answer.pipe[0] < 0) return;
    close(pair.answer.pipe[0]);
    close(pair.answer.pipe[1]);
  }

  long upstream_port_;
  Mode mode_;
  int epoll_;
  int listener_;
  std::string buffer_;
  std::vector<std::unique_ptr<Pair>> pairs_;  // by the client's descriptor
};

}  // namespace

int main(int argc, char** argv) {
  std::string_view mode = argc == 4 ? argv[3] : "";
  if (mode != "copy" && mode != "splice") {
    std::fprintf(stderr, "usage: floor PORT UPSTREAM_PORT copy|splice\n");
    return 2;
  }
  load::raise_descriptor_limit();
  std::signal(SIGPIPE, SIG_IGN);  // splice raises it and has no flag against it
  Relay(load::number_argument(argv[1], "PORT"), load::number_argument(argv[2], "UPSTREAM_PORT"),
        mode == "copy" ? Mode::Copy : Mode::Splice)
      .run();
}
