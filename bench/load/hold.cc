// SPDX-License-Identifier: GPL-3.0-or-later
// Opens keep-alive connections, makes one request on each, one after the other, and stays.
//
//   hold PORT COUNT   prints "held COUNT"; at the end of its input prints "open N", those that
//                     the other side has not closed meanwhile, and ends
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/sockets.h"

namespace {

constexpr std::string_view kRequest = "GET /ok HTTP/1.1\r\nHost: bench.test\r\n\r\n";

bool has_answered(int fd) {
  if (send(fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0) return false;
  std::string answer;
  char piece[4096];
  while (!answer.ends_with("\r\n\r\nok")) {
    ssize_t count = recv(fd, piece, sizeof piece, 0);
    if (count <= 0) return false;
    answer.append(piece, static_cast<std::size_t>(count));
  }
  return answer.starts_with("HTTP/1.1 200 ");
}

bool is_open(int fd) {
  char byte = 0;
  return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: hold PORT COUNT\n");
    return 2;
  }
  long port = load::number_argument(argv[1], "PORT");
  long count = load::number_argument(argv[2], "COUNT");
  load::raise_descriptor_limit();
  std::vector<int> held;
  for (long i = 0; i < count; ++i) {
    int fd = load::must(load::connect_to(port, 0), "connect");
    if (!has_answered(fd)) {
      std::fprintf(stderr, "hold: connection %ld got no good answer\n", i + 1);
      return 1;
    }
    held.push_back(fd);
  }
  std::printf("held %zu\n", held.size());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  std::size_t open = 0;
  for (int fd : held) open += is_open(fd) ? 1 : 0;
  std::printf("open %zu\n", open);
  return 0;
}
