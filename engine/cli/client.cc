// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "config/units.h"
#include "engine/cli/socket_access.h"
#include "engine/http/h1_body.h"
#include "engine/http/h1_head.h"

namespace engine::cli {
namespace {

constexpr std::size_t kBodyBytesMax = 64 * 1024 * 1024;
constexpr config::Milliseconds kConnectTimeout{5'000};

base::Time deadline_in(config::Milliseconds timeout) {
  return timeout.count() == 0 ? base::kNever
                              : base::monotonic_now() + timeout.count() * base::kMillisecond;
}

ApiFailure broken(std::string_view how) {
  return {.exit_code = kExitUnreachable,
          .error = fmt::format("the engine's answer {}", how),
          .fix = "look into its log; engine status tells whether it runs"};
}

std::string request_of(const ApiCall& call, std::string_view accept) {
  std::string request = fmt::format(
      "{} {} HTTP/1.1\r\nHost: localhost\r\nAccept: {}\r\nUser-Agent: engine\r\n"
      "Connection: close\r\n",
      call.method, call.path, accept);
  const std::string body = call.body ? json_line(*call.body) : std::string();
  if (call.body) request += "Content-Type: application/json\r\n";
  if (call.method != "GET") request += fmt::format("Content-Length: {}\r\n", body.size());
  return request + "\r\n" + body;
}

// One request and what comes back, in the order send(), read_head(), read_piece() until it is empty.
class Exchange {
 public:
  Exchange(Interrupt& interrupt, int fd, config::Milliseconds timeout)
      : interrupt_(interrupt), fd_(fd), timeout_(timeout), deadline_(deadline_in(timeout)) {}
  ~Exchange() { ::close(fd_); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  using Done = std::expected<void, ApiFailure>;

  void ignore_interrupts() { ignores_interrupts_ = true; }
  // Without a piece for so long, read_piece() says that the body has ended.
  void leave_when_quiet(config::Milliseconds quiet) { quiet_ = quiet; }

  [[nodiscard]] Done send(std::string_view bytes);
  [[nodiscard]] std::expected<int, ApiFailure> read_head();  // the status
  // Payload; empty at its end.
  [[nodiscard]] std::expected<std::string, ApiFailure> read_piece();

 private:
  [[nodiscard]] Done wait(short events);
  // False at the end of the connection.
  [[nodiscard]] std::expected<bool, ApiFailure> receive();

  Interrupt& interrupt_;
  int fd_;
  config::Milliseconds timeout_;
  base::Time deadline_;
  config::Milliseconds quiet_{0};
  bool ignores_interrupts_ = false;
  std::string received_;  // not yet looked at
  http::BodyDecoder body_;
  http::HeadStorage fields_;
};

Exchange::Done Exchange::wait(short events) {
  if (ignores_interrupts_) {
    pollfd one{.fd = fd_, .events = events, .revents = 0};
    const auto left = (deadline_ - base::monotonic_now()) / base::kMillisecond;
    if (::poll(&one, 1, static_cast<int>(std::max<base::Time>(left, 0))) != 0) return {};
  } else {
    switch (interrupt_.wait(fd_, events, deadline_)) {
      case Interrupt::Woke::Ready: return {};
      case Interrupt::Woke::Interrupted: return std::unexpected(interrupted());
      case Interrupt::Woke::TimedOut: break;
    }
  }
  return std::unexpected(
      ApiFailure{.exit_code = kExitTimeout,
                 .error = "no answer from the engine within " + config::format_duration(timeout_),
                 .fix = "look into its log; it may still do what was asked"});
}

Exchange::Done Exchange::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN) {
      return {};  // it may have refused before it read everything: its answer says more
    } else if (auto ready = wait(POLLOUT); !ready) {
      return ready;
    }
  }
  return {};
}

std::expected<bool, ApiFailure> Exchange::receive() {
  std::array<char, 16 * 1024> piece;
  while (true) {
    const ssize_t got = ::recv(fd_, piece.data(), piece.size(), 0);
    if (got > 0) {
      received_.append(piece.data(), static_cast<std::size_t>(got));
      return true;
    }
    if (got == 0 || errno != EAGAIN) return false;
    if (auto ready = wait(POLLIN); !ready) return std::unexpected(std::move(ready.error()));
  }
}

std::expected<int, ApiFailure> Exchange::read_head() {
  std::uint32_t scanned = 0;
  while (true) {
    http::ResponseHead head;
    const http::HeadResult result =
        http::parse_response(received_, scanned, {}, fields_, http::Method::Get, false, head);
    if (result.status == http::HeadStatus::Bad) return std::unexpected(broken("is no HTTP"));
    if (result.status == http::HeadStatus::Complete) {
      const int status = head.status;
      const bool interim = head.interim();
      body_ = http::BodyDecoder(head.framing, head.content_length);
      received_.erase(0, result.consumed);
      scanned = 0;
      if (!interim) return status;
      continue;
    }
    const auto more = receive();
    if (!more) return std::unexpected(more.error());
    if (!*more) return std::unexpected(broken("did not come: it closed the connection"));
  }
}

std::expected<std::string, ApiFailure> Exchange::read_piece() {
  if (quiet_.count() != 0) deadline_ = deadline_in(quiet_);
  while (!body_.done()) {
    const http::BodyDecoder::Step step = body_.next(received_);
    std::string data(step.data);
    received_.erase(0, step.consumed);
    if (!data.empty()) return data;
    if (body_.bad()) return std::unexpected(broken("is broken"));
    if (step.consumed != 0) continue;
    const auto more = receive();
    if (!more && more.error().exit_code == kExitTimeout && quiet_.count() != 0) break;
    if (!more) return std::unexpected(more.error());
    if (!*more && !body_.complete_at_close()) return std::unexpected(broken("was cut off"));
    if (!*more) break;
  }
  return std::string();
}

std::expected<std::string, ApiFailure> read_body(Exchange& exchange) {
  std::string body;
  while (true) {
    auto piece = exchange.read_piece();
    if (!piece || piece->empty()) return piece ? std::move(body) : std::move(piece);
    body += *piece;
    if (body.size() > kBodyBytesMax) return std::unexpected(broken("is too long"));
  }
}

}  // namespace

Client::Client(std::string socket_path) : socket_path_(std::move(socket_path)) {}

std::expected<std::string, ApiFailure> Client::call(const ApiCall& call) {
  const auto fd = open_socket(socket_path_, kConnectTimeout);
  if (!fd) return std::unexpected(fd.error());
  Exchange exchange(interrupt_, *fd, call.timeout);
  if (call.on_interrupt == ApiCall::OnInterrupt::Finish) exchange.ignore_interrupts();
  if (auto sent = exchange.send(request_of(call, "application/json, */*")); !sent) {
    return std::unexpected(std::move(sent.error()));
  }
  const auto status = exchange.read_head();
  if (!status) return std::unexpected(status.error());
  auto body = read_body(exchange);
  if (!body || *status < 400) return body;
  return std::unexpected(failure_of(*status, *body, call.subject));
}

std::expected<void, ApiFailure> Client::events(const std::string& path,
                                               const SseReader::OnEvent& on_event,
                                               EventPatience patience) {
  const auto fd = open_socket(socket_path_, kConnectTimeout);
  if (!fd) return std::unexpected(fd.error());
  Exchange exchange(interrupt_, *fd, patience.total);
  if (auto sent = exchange.send(request_of({.path = path}, "text/event-stream")); !sent) {
    return sent;
  }
  const auto status = exchange.read_head();
  if (!status) return std::unexpected(status.error());
  if (*status >= 400) {
    const auto body = read_body(exchange);
    return std::unexpected(body ? failure_of(*status, *body, "") : body.error());
  }
  exchange.leave_when_quiet(patience.quiet);
  SseReader reader;
  while (true) {
    const auto piece = exchange.read_piece();
    if (!piece) return std::unexpected(piece.error());
    if (piece->empty() || !reader.feed(*piece, on_event)) return {};
  }
}

bool Client::pause(config::Milliseconds duration) {
  return interrupt_.wait(-1, 0, deadline_in(duration)) != Interrupt::Woke::Interrupted;
}

std::string encoded(std::string_view name) {
  std::string path;
  for (const char c : name) {
    const bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    plain ? path += c : path += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return path;
}

}  // namespace engine::cli
