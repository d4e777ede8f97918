// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/api_server.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <exception>
#include <utility>
#include <vector>

#include "engine/async/await.h"
#include "engine/base/error.h"
#include "engine/base/log.h"
#include "engine/http/h1_body.h"
#include "engine/http/status.h"
#include "engine/io/socket.h"

namespace engine::control {
namespace {

// Out of descriptors or memory: others give some back.
constexpr base::Time kAcceptPause = 100 * base::kMillisecond;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

ApiReply refusal_of(base::Cause cause, std::string_view why) {
  const int status = base::describe(cause).status;
  return problem(status, std::string(http::reason_phrase(status)), std::string(why));
}

ApiReply too_slow() { return problem(408, "Request Timeout", "the request did not come in time"); }

ApiReply too_large(std::size_t most) {
  return problem(413, "Content Too Large",
                 "the body may have " + std::to_string(most) + " bytes at most");
}

// Not in an IPv4-only container, for example.
bool has_ipv6() {
  route::Address any;
  static_cast<void>(route::Address::parse_ip("::", 0, any));
  const auto socket = io::open_listener(any.get(), any.length, 1);
  if (socket) ::close(*socket);
  return socket.has_value();
}

// Takes what is there of a body, at most a piece more than `most` bytes in all.
void take_body(std::string& in, http::BodyDecoder& decoder, std::string& body, std::size_t most) {
  std::string_view rest = in;
  while (body.size() <= most) {
    const http::BodyDecoder::Step step = decoder.next(rest);
    if (step.consumed == 0) break;
    rest.remove_prefix(step.consumed);
    body.append(step.data);
  }
  in.erase(0, in.size() - rest.size());
}

}  // namespace

std::expected<void, Failure> ApiServer::listen_unix(const std::string& path,
                                                    const std::string& group, pid_t displaces) {
  auto listener = ApiListener::open_unix(path, group, displaces);
  if (!listener) return std::unexpected(std::move(listener.error()));
  scope_.spawn(accept(std::move(*listener)));
  return {};
}

std::expected<std::uint16_t, Failure> ApiServer::listen_tcp(const std::string& host,
                                                            std::uint16_t port,
                                                            const std::string& token,
                                                            pid_t displaces) {
  std::vector<std::string> hosts = {host};
  if (host.empty()) hosts = {"0.0.0.0"};
  if (host.empty() && has_ipv6()) hosts.emplace_back("::");
  std::vector<Listener> listeners;
  for (const std::string& each : hosts) {
    route::Address address;
    // The configuration has checked that it is a number; an empty address fails to bind.
    static_cast<void>(route::Address::parse_ip(each, port, address));
    auto listener = ApiListener::open_tcp(address, token, displaces);
    if (!listener) return std::unexpected(std::move(listener.error()));
    port = (*listener)->port();  // 0: the second family on the port that the first one got
    listeners.push_back(std::move(*listener));
  }
  for (Listener& listener : listeners) scope_.spawn(accept(std::move(listener)));
  return port;
}

async::Task<void> ApiServer::accept(Listener listener) {
  while (!scope_.cancelled()) {
    int result = co_await async::Ready(scope_, listener->descriptor(), POLLIN, base::kNever);
    if (result > 0) result = accept_all(listener);
    if (result != -EAGAIN) co_await async::Sleep(scope_, kAcceptPause);
  }
}

// Until there are none, -EAGAIN, or no more is possible now.
int ApiServer::accept_all(const Listener& listener) {
  while (true) {
    const int socket = scope_.ring().accept_now(listener->descriptor());
    if (socket == -EINTR || socket == -ECONNABORTED) continue;
    if (socket < 0) return socket;
    admit_connection(std::make_shared<ApiConnection>(scope_, limits_, listener, socket));
  }
}

void ApiServer::admit_connection(Connection connection) {
  if (connection_count_ < limits_.connections_max)
    return scope_.spawn(serve(std::move(connection)));
  const ApiReply reply = problem(503, "Service Unavailable", "too many connections at once");
  static_cast<void>(
      scope_.ring().send(connection->socket.descriptor(),
                         write_reply(reply, {.keep_alive = false}, base::wall_now())));
}

// The watcher of a stream of events may hold the connection a moment longer.
async::Task<void> ApiServer::serve(Connection connection) {
  ++connection_count_;
  while (true) {
    const bool goes_on = co_await exchange(connection);
    if (!goes_on) break;
    // Requests that came all at once do not hold up what else this thread does.
    if (!connection->in.empty()) co_await async::Sleep(scope_, 0);
  }
  connection->socket.shutdown(SHUT_RDWR);
  --connection_count_;
}

// Whether another request may follow.
async::Task<bool> ApiServer::exchange(Connection connection) {
  Head head = co_await read_head(connection);
  if (head.request) {
    Body body = co_await read_body(connection, head.body);
    if (body) {
      head.request->body = std::move(*body);
    } else {
      head.request = std::unexpected(std::move(body.error()));
    }
  }
  if (!head.request) {
    co_await refuse(connection, std::move(head.request.error()), head.reply.is_head);
    co_return false;
  }
  const bool goes_on = co_await handle(connection, std::move(*head.request), head.reply);
  co_return goes_on;
}

// ---- Reading.

// Braces belong into no coroutine: see refusal.h.
ApiServer::Head ApiServer::without_request(std::optional<ApiReply> reply) {
  return {.request = std::unexpected(std::move(reply))};
}

async::Task<ApiServer::Head> ApiServer::read_head(Connection connection) {
  std::array<char, 16384> piece;
  std::uint32_t scanned = 0;
  bool has_begun = !connection->in.empty();
  base::Time deadline = scope_.now() + (has_begun ? limits_.head : limits_.idle);
  while (true) {
    std::optional<Head> head = take_head(*connection, scanned);
    if (head) co_return std::move(*head);
    const std::int64_t got = co_await connection->socket.read(piece, deadline);
    if (got == -ETIMEDOUT && has_begun) co_return without_request(too_slow());
    if (got <= 0) co_return without_request(std::nullopt);
    connection->in.append(piece.data(), static_cast<std::size_t>(got));
    if (!std::exchange(has_begun, true)) deadline = scope_.now() + limits_.head;
  }
}

std::optional<ApiServer::Head> ApiServer::take_head(ApiConnection& connection,
                                                    std::uint32_t& scanned) {
  http::RequestHead head;
  const http::HeadResult result = http::parse_request(connection.in, scanned, {}, storage_, head);
  if (result.status == http::HeadStatus::Bad)
    return Head{.request = std::unexpected(refusal_of(result.cause, result.why))};
  if (result.status == http::HeadStatus::Incomplete) {
    if (result.consumed > 0) scanned = 0;
    connection.in.erase(0, result.consumed);
    return std::nullopt;
  }
  Head taken{.request = ApiRequest{},
             .body = {.framing = head.framing,
                      .content_length = head.content_length,
                      .expects_continue = head.expect_continue},
             .reply = {.keep_alive = head.keep_alive && head.minor_version >= 1,
                       .is_head = head.method == http::Method::Head}};
  auto caller = admit(connection.listener->door(), connection.peer, head);
  auto request = request_of(head);
  if (!caller) {
    taken.request = std::unexpected(std::move(caller.error()));
  } else if (!request) {
    taken.request = std::unexpected(
        refusal_of(base::Cause::BadRequest, "an escape of the path or the query is wrong"));
  } else {
    taken.request = std::move(*request);
    taken.request->caller = std::move(*caller);
  }
  connection.in.erase(0, result.consumed);
  return taken;
}

async::Task<ApiServer::Body> ApiServer::read_body(Connection connection, BodyFraming framing) {
  const std::size_t most = limits_.body_bytes_max;
  if (framing.content_length > most) co_return std::unexpected(too_large(most));
  std::array<char, 16384> piece;
  std::string body;
  http::BodyDecoder decoder(framing.framing, framing.content_length);
  const base::Time deadline = scope_.now() + limits_.body;
  if (framing.expects_continue && !decoder.done() && connection->in.empty()) {
    const int written = co_await connection->socket.write(kContinue, deadline);
    if (written < 0) co_return std::unexpected(std::nullopt);
  }
  while (true) {
    take_body(connection->in, decoder, body, most);
    if (body.size() > most) co_return std::unexpected(too_large(most));
    if (decoder.bad())
      co_return std::unexpected(refusal_of(base::Cause::BadRequest, decoder.why()));
    if (decoder.done()) co_return std::move(body);
    const std::int64_t got = co_await connection->socket.read(piece, deadline);
    if (got == -ETIMEDOUT) co_return std::unexpected(too_slow());
    if (got <= 0) co_return std::unexpected(std::nullopt);
    connection->in.append(piece.data(), static_cast<std::size_t>(got));
  }
}

// ---- Answering.

async::Task<bool> ApiServer::handle(Connection connection, ApiRequest request,
                                    ReplyFraming framing) {
  const std::string what = request.method + " " + request.path;
  ApiWriter writer(connection, framing);
  std::string failure;
  try {
    async::Task<void> task = handler_(std::move(request), writer);
    co_await std::move(task);
    if (!writer.has_begun()) failure = "no answer";
  } catch (const std::exception& error) {
    failure = error.what();
  } catch (...) {
    failure = "an exception of an unknown kind";
  }
  if (!failure.empty()) {
    base::log::error("a request to the control API failed",
                     {{"request", what}, {"cause", failure}});
    if (writer.has_begun()) co_return false;
    ApiReply reply = problem(500, "Internal Server Error", "the engine's log says why");
    co_await writer.reply(std::move(reply));
  }
  co_return writer.may_go_on();
}

// The client may still be sending. Closing on that would reset the connection, and the answer would
// be lost with it (RFC 9112 section 9.6).
async::Task<void> ApiServer::refuse(Connection connection, Refusal reply, bool is_head) {
  if (!reply) co_return;
  ApiWriter writer(connection, {.keep_alive = false, .is_head = is_head});
  const bool written = co_await writer.reply(std::move(*reply));
  if (!written) co_return;
  connection->socket.shutdown(SHUT_WR);
  std::array<char, 16384> ignored;
  const base::Time deadline = scope_.now() + limits_.linger;
  std::size_t total = 0;
  while (total <= limits_.body_bytes_max) {
    const std::int64_t got = co_await connection->socket.read(ignored, deadline);
    if (got <= 0) break;
    total += static_cast<std::size_t>(got);
  }
}

}  // namespace engine::control
