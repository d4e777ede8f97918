// SPDX-License-Identifier: GPL-3.0-or-later
// The origin behind every proxy under test, as cheap as an origin can be: one thread, answers
// computed at start, one recv and one send per request.
//
//   upstream PORT     /ok 2 bytes, /64k, /1m; /head answers with the request head it received
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/sockets.h"

namespace {

constexpr std::size_t kHeadBytesMax = 16 * 1024;
constexpr uint64_t kListenerTag = UINT64_MAX;

struct Client {
  int fd = -1;
  std::size_t received = 0;
  std::string_view unsent;
  std::string own_answer;  // keeps what `unsent` points into when the answer is not precomputed
  char head[kHeadBytesMax];
};

std::string answer(std::string_view status, std::string_view body) {
  std::string text = "HTTP/1.1 ";
  text.append(status).append("\r\nContent-Type: application/octet-stream\r\nContent-Length: ");
  text.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  return text;
}

// Bytes that repeat nowhere, so that a relay which swaps or loses a block changes the hash.
std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  uint64_t state = 0x9e3779b97f4a7c15;
  for (char& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<char>(state >> 32);
  }
  return bytes;
}

class Upstream {
 public:
  explicit Upstream(long port)
      : epoll_(load::must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        listener_(load::listen_on(port)) {
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
          on_event(*clients_[events[i].data.u64], events[i].events);
        }
      }
    }
  }

 private:
  void accept_all() {
    for (;;) {
      int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      auto slot = static_cast<std::size_t>(fd);
      if (slot >= clients_.size()) clients_.resize(slot + 1);
      if (!clients_[slot]) clients_[slot] = std::make_unique<Client>();
      clients_[slot]->fd = fd;
      clients_[slot]->received = 0;
      clients_[slot]->unsent = {};
      load::watch(epoll_, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, slot);
    }
  }

  void on_event(Client& client, uint32_t events) {
    if (client.fd < 0) return;
    if ((events & EPOLLOUT) != 0 && !client.unsent.empty()) {
      flush(client);
      answer_all(client);
    }
    // Input that waits behind an unsent answer is read by the event that finishes the answer.
    while (client.fd >= 0 && client.unsent.empty() && receive(client)) {
    }
  }

  // True when the socket may hold more.
  bool receive(Client& client) {
    std::size_t room = kHeadBytesMax - client.received;
    ssize_t count = recv(client.fd, client.head + client.received, room, 0);
    if (count < 0 && errno == EAGAIN) return false;
    if (count <= 0) {
      close(client.fd);
      client.fd = -1;
      return false;
    }
    client.received += static_cast<std::size_t>(count);
    bool answered = answer_all(client);
    return answered && (client.unsent.empty() && static_cast<std::size_t>(count) == room);
  }

  // False when the head is too long to ever be complete; the connection is closed then.
  bool answer_all(Client& client) {
    while (client.unsent.empty()) {
      std::string_view input(client.head, client.received);
      std::size_t end = input.find("\r\n\r\n");
      if (end == std::string_view::npos) break;
      choose_answer(client, input.substr(0, end + 4));
      client.received -= end + 4;
      std::memmove(client.head, client.head + end + 4, client.received);
      flush(client);
    }
    if (client.received < kHeadBytesMax) return true;
    close(client.fd);
    client.fd = -1;
    return false;
  }

  void choose_answer(Client& client, std::string_view head) {
    if (head.starts_with("GET /ok ")) {
      client.unsent = ok_;
    } else if (head.starts_with("GET /64k ")) {
      client.unsent = medium_;
    } else if (head.starts_with("GET /1m ")) {
      client.unsent = large_;
    } else if (head.starts_with("GET /head ")) {
      client.own_answer = answer("200 OK", head);
      client.unsent = client.own_answer;
    } else {
      client.unsent = missing_;
    }
  }

  // An error shows up again as the end of input.
  static void flush(Client& client) {
    while (!client.unsent.empty()) {
      ssize_t count = send(client.fd, client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL);
      if (count < 0) return;
      client.unsent.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  const std::string ok_ = answer("200 OK", "ok");
  const std::string medium_ = answer("200 OK", noise(64 * 1024));
  const std::string large_ = answer("200 OK", noise(1024 * 1024));
  const std::string missing_ = answer("404 Not Found", "");
  int epoll_;
  int listener_;
  std::vector<std::unique_ptr<Client>> clients_;  // by descriptor
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: upstream PORT\n");
    return 2;
  }
  load::raise_descriptor_limit();
  Upstream(load::number_argument(argv[1], "PORT")).run();
}
