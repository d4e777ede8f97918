// SPDX-License-Identifier: GPL-3.0-or-later
// Opens keep-alive connections, makes one request on each, one after the other, and stays.
//
//   hold PORT COUNT [tls]   prints "held COUNT"; at the end of its input prints "open N", those
//                           that the other side has not closed meanwhile, and ends
#include <csignal>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/sockets.h"
#include "bench/load/tls_client.h"

namespace {

constexpr std::string_view kRequest = "GET /ok HTTP/1.1\r\nHost: bench.test\r\n\r\n";

// `tls` is empty in plaintext.
struct Connection {
  int fd = -1;
  load::Tls tls;

  [[nodiscard]] long write(std::string_view bytes) const {
    if (tls) return SSL_write(tls.get(), bytes.data(), static_cast<int>(bytes.size()));
    return send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  [[nodiscard]] long read(char* piece, int size) const {
    if (tls) return SSL_read(tls.get(), piece, size);
    return recv(fd, piece, static_cast<std::size_t>(size), 0);
  }
};

bool has_answered(const Connection& connection) {
  if (connection.write(kRequest) <= 0) return false;
  std::string answer;
  char piece[4096];
  while (!answer.ends_with("\r\n\r\nok")) {
    long count = connection.read(piece, sizeof piece);
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
  bool over_tls = argc == 4 && std::string_view(argv[3]) == "tls";
  if (argc != 3 && !over_tls) {
    std::fprintf(stderr, "usage: hold PORT COUNT [tls]\n");
    return 2;
  }
  long port = load::number_argument(argv[1], "PORT");
  long count = load::number_argument(argv[2], "COUNT");
  std::signal(SIGPIPE, SIG_IGN);
  load::raise_descriptor_limit();
  load::TlsContext context = over_tls ? load::tls_context() : nullptr;
  std::vector<Connection> held;
  for (long i = 0; i < count; ++i) {
    Connection connection{.fd = load::must(load::connect_to(port, 0), "connect"), .tls = nullptr};
    if (over_tls) connection.tls = load::tls_over(context.get(), connection.fd);
    if (!has_answered(connection)) {
      std::fprintf(stderr, "hold: connection %ld got no good answer\n", i + 1);
      return 1;
    }
    held.push_back(std::move(connection));
  }
  std::printf("held %zu\n", held.size());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  std::size_t open = 0;
  for (const Connection& connection : held) open += is_open(connection.fd) ? 1 : 0;
  std::printf("open %zu\n", open);
  return 0;
}
