// SPDX-License-Identifier: GPL-3.0-or-later
// A generator with a fixed rate. Every request has the time at which it should have been sent, and
// its latency counts from there: a proxy that stalls cannot hide the requests that had to wait.
//
//   paced PORT RATE SECONDS CONNECTIONS    GET /ok RATE times a second; one line of JSON at the
//                                          end of the time, or earlier on SIGTERM or SIGINT
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <deque>
#include <string_view>
#include <vector>

#include "bench/load/sockets.h"

namespace {

constexpr std::string_view kRequest = "GET /ok HTTP/1.1\r\nHost: bench.test\r\n\r\n";
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kPatience = 2 * kSecond;  // how long the last answers are waited for

volatile std::sig_atomic_t stopped = 0;

int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

struct Connection {
  int fd = -1;
  int64_t due = -1;  // when the request in flight should have been sent; -1 = idle
  std::size_t received = 0;
  std::array<char, 4096> answer;
};

class Generator {
 public:
  Generator(long port, long rate, long connection_count)
      : port_(port),
        rate_(rate),
        epoll_(load::must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        connections_(static_cast<std::size_t>(connection_count)) {
    for (std::size_t i = 0; i < connections_.size(); ++i) open(i);
  }

  void run(long seconds) {
    start_ = now();
    int64_t end = start_ + seconds * kSecond;
    int64_t time = start_;
    for (; time < end && stopped == 0; time = now()) {
      send_due(time);
      wait_until(std::min(end, intended(next_)));
    }
    for (int64_t last = time + kPatience; in_flight() && time < last; time = now()) {
      send_queued();
      wait_until(last);
    }
    elapsed_ = time - start_;
    failed_ += queue_.size() + static_cast<std::size_t>(std::ranges::count_if(
                                   connections_, [](const auto& c) { return c.due >= 0; }));
  }

  void report() {
    std::ranges::sort(latencies_);
    std::printf(
        "{\"requests\": %zu, \"failed\": %zu, \"reconnected\": %zu, \"seconds\": %.3f, "
        "\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}\n",
        latencies_.size(), failed_, reconnected_, static_cast<double>(elapsed_) / kSecond,
        quantile(0.5), quantile(0.99), quantile(0.999), quantile(1));
  }

 private:
  int64_t intended(int64_t index) const { return start_ + index * kSecond / rate_; }

  bool in_flight() const { return idle_.size() < connections_.size() || !queue_.empty(); }

  void open(std::size_t index) {
    Connection& connection = connections_[index];
    connection.fd = load::must(load::connect_to(port_, SOCK_NONBLOCK), "connect");
    connection.due = -1;
    connection.received = 0;
    load::watch(epoll_, connection.fd, EPOLLIN | EPOLLRDHUP, index);
    idle_.push_back(index);
  }

  void send_due(int64_t time) {
    for (; intended(next_) <= time; ++next_) queue_.push_back(intended(next_));
    send_queued();
  }

  void send_queued() {
    while (!queue_.empty() && !idle_.empty()) {
      Connection& connection = connections_[idle_.front()];
      idle_.pop_front();
      connection.due = queue_.front();
      queue_.pop_front();
      // An error shows up as the end of input, and counts there.
      (void)!send(connection.fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
    }
  }

  void wait_until(int64_t time) {
    int64_t left = std::max<int64_t>(0, time - now());
    timespec timeout{left / kSecond, left % kSecond};
    epoll_event events[64];
    int count = epoll_pwait2(epoll_, events, 64, &timeout, nullptr);
    if (count < 0 && errno != EINTR) load::die("epoll_pwait2");
    for (int i = 0; i < count; ++i) receive(events[i].data.u64);
  }

  void receive(std::size_t index) {
    Connection& connection = connections_[index];
    ssize_t count = recv(connection.fd, connection.answer.data() + connection.received,
                         connection.answer.size() - connection.received, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return reopen(index);
    connection.received += static_cast<std::size_t>(count);
    std::string_view answer(connection.answer.data(), connection.received);
    if (!answer.ends_with("\r\n\r\nok")) return;
    if (connection.due >= 0 && answer.starts_with("HTTP/1.1 200 ")) {
      latencies_.push_back(now() - connection.due);
    } else {
      ++failed_;
    }
    connection.due = -1;
    connection.received = 0;
    idle_.push_back(index);
  }

  void reopen(std::size_t index) {
    Connection& connection = connections_[index];
    if (connection.due >= 0) ++failed_;
    if (connection.due < 0) std::erase(idle_, index);
    ++reconnected_;
    close(connection.fd);
    open(index);
  }

  double quantile(double share) const {
    if (latencies_.empty()) return 0;
    auto last = static_cast<double>(latencies_.size() - 1);
    return static_cast<double>(latencies_[static_cast<std::size_t>(last * share)]) / 1000;
  }

  long port_;
  long rate_;
  int epoll_;
  int64_t start_ = 0;
  int64_t elapsed_ = 0;
  int64_t next_ = 0;  // index of the next request that is not due yet
  std::size_t failed_ = 0;
  std::size_t reconnected_ = 0;
  std::deque<int64_t> queue_;  // due, and waiting for a connection
  std::deque<std::size_t> idle_;
  std::vector<Connection> connections_;
  std::vector<int64_t> latencies_;  // ns
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: paced PORT RATE SECONDS CONNECTIONS\n");
    return 2;
  }
  load::raise_descriptor_limit();
  // The default timer slack of 50 µs would be counted as latency.
  prctl(PR_SET_TIMERSLACK, 1UL);
  std::signal(SIGTERM, [](int) { stopped = 1; });
  std::signal(SIGINT, [](int) { stopped = 1; });
  Generator generator(load::number_argument(argv[1], "PORT"),
                      load::number_argument(argv[2], "RATE"),
                      load::number_argument(argv[4], "CONNECTIONS"));
  generator.run(load::number_argument(argv[3], "SECONDS"));
  generator.report();
  return 0;
}
