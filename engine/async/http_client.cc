// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/async/http_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "engine/async/await.h"
#include "engine/async/socket.h"
#include "engine/http/h1_body.h"
#include "engine/http/h1_head.h"
#include "engine/http/h1_lines.h"
#include "engine/io/socket.h"
#include "tls/session.h"

namespace engine::async {
namespace {

using Failure = HttpAnswer::Failure;

// A server may say "still at it" now and then, but not for ever.
constexpr int kInterimMax = 16;

std::string words_of(base::Time duration) {
  const base::Time ms = duration / base::kMillisecond;
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms";
}

bool has_body(const HttpRequest& request) {
  const std::string_view method = request.method;
  return !request.body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
}

// Nothing that would begin another line or another word.
bool can_be_sent(const HttpRequest& request) {
  const auto is_value = [](std::string_view text) {
    return std::ranges::all_of(text, http::is_value_char);
  };
  return http::is_token(request.method) && !request.target.empty() && is_value(request.host) &&
         std::ranges::all_of(request.target, http::is_target_char) &&
         std::ranges::all_of(request.fields, [&](const auto& field) {
           return http::is_token(field.first) && is_value(field.second);
         });
}

std::string head_of(const HttpRequest& request) {
  std::string head = request.method + " " + request.target + " HTTP/1.1\r\n";
  head += "Host: " + request.host + "\r\nConnection: close\r\n";
  for (const auto& [name, value] : request.fields) head.append(name + ": " + value + "\r\n");
  if (has_body(request)) head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return head + "\r\n";
}

class Exchange {
 public:
  Exchange(Scope& scope, HttpRequest request)
      : scope_(scope), request_(std::move(request)), deadline_(scope.now() + request_.timeout) {}

  // Calls one step after the other; each says in `answer_` why it is the last.
  Task<HttpAnswer> run();

 private:
  struct Secure {
    Secure(const std::shared_ptr<const tls::Context>& context, const std::string& server_name)
        : session(context, nullptr, "http/1.1", server_name, wire) {}

    base::BlockPool pool;
    base::Buffer wire{pool};  // ciphertext to send
    tls::Session session;
    std::array<char, 16384> plaintext;
  };

  Task<bool> connect();
  Task<bool> connect_to(const Endpoint& endpoint, base::Time timeout);
  Task<bool> secure();
  Task<bool> ask();
  Task<bool> read_head();
  Task<bool> read_body();

  Task<int> write(std::string_view bytes);
  Task<std::int64_t> pump();
  Task<std::int64_t> more();
  void decrypt(std::string_view ciphertext);

  std::optional<bool> take_head();
  bool take_body();
  bool fail(Failure failure, std::string error);
  bool fail_connect(int error);
  bool fail_read(std::int64_t result, std::string_view when_closed);

  Scope& scope_;
  HttpRequest request_;
  base::Time deadline_;
  HttpAnswer answer_;
  std::optional<Socket> socket_;
  std::unique_ptr<Secure> secure_;
  std::array<char, 16384> received_;
  std::string in_;  // plaintext that came and is not used yet
  std::uint32_t scanned_ = 0;
  int interim_count_ = 0;
  http::BodyDecoder decoder_;
};

Task<HttpAnswer> Exchange::run() {
  bool good = can_be_sent(request_);
  if (!good) fail(Failure::Protocol, "the request has a character that HTTP forbids");
  if (good) good = co_await connect();
  if (good && request_.tls != nullptr) good = co_await secure();
  if (good) good = co_await ask();
  if (good) good = co_await read_head();
  if (good) good = co_await read_body();
  if (good && secure_ != nullptr) {
    secure_->session.close();
    static_cast<void>(scope_.ring().send(socket_->descriptor(), secure_->wire.view()));
  }
  co_return std::move(answer_);
}

// An address that swallows everything leaves time for those behind it.
Task<bool> Exchange::connect() {
  fail(Failure::Unreachable, "it has no address");
  for (std::size_t i = 0; i < request_.endpoints.size(); ++i) {
    const auto tries_left = static_cast<base::Time>(request_.endpoints.size() - i);
    const base::Time timeout = std::max<base::Time>(0, deadline_ - scope_.now()) / tries_left;
    const bool connected = co_await connect_to(request_.endpoints[i], timeout);
    if (connected) co_return true;
    if (scope_.cancelled()) break;
  }
  co_return false;
}

Task<bool> Exchange::connect_to(const Endpoint& endpoint, base::Time timeout) {
  const int descriptor = scope_.ring().open_socket(endpoint.storage.ss_family);
  if (descriptor < 0) co_return fail_connect(-descriptor);
  socket_.emplace(scope_, descriptor);
  if (endpoint.storage.ss_family != AF_UNIX) io::set_tcp_options(descriptor);
  const int result =
      co_await Connect(scope_, descriptor, reinterpret_cast<const sockaddr*>(&endpoint.storage),
                       endpoint.length, timeout);
  if (result < 0) co_return fail_connect(-result);
  answer_ = {};
  co_return true;
}

Task<bool> Exchange::secure() {
  secure_ = std::make_unique<Secure>(request_.tls, request_.server_name);
  const tls::Session& session = secure_->session;
  const int sent = co_await write({});
  if (sent < 0) co_return fail_read(sent, "TLS failed: the peer reset the connection");
  while (!session.established()) {
    const std::int64_t got = co_await pump();
    if (session.state() == tls::Session::State::Failed)
      co_return fail(Failure::Tls, "TLS failed: " + std::string(session.failure()));
    if (got == 0) co_return fail(Failure::Tls, "TLS failed: the peer closed the connection");
    if (got < 0) co_return fail_read(got, "TLS failed: the peer reset the connection");
  }
  co_return true;
}

// A server may answer and close before it has read everything: what counts is what comes back.
Task<bool> Exchange::ask() {
  const std::string head = head_of(request_);
  int sent = co_await write(head);
  if (sent == 0) sent = co_await write(request_.body);
  if (sent == -ETIMEDOUT || sent == -ECANCELED) co_return fail_read(sent, {});
  co_return true;
}

Task<bool> Exchange::read_head() {
  while (true) {
    const std::optional<bool> taken = take_head();
    if (taken) co_return *taken;
    const std::int64_t got = co_await more();
    if (got <= 0) co_return fail_read(got, "closed before it answered");
  }
}

Task<bool> Exchange::read_body() {
  while (!take_body()) {
    const std::int64_t got = co_await more();
    if (got == 0 && decoder_.complete_at_close()) break;
    if (got <= 0) co_return fail_read(got, "closed before the end of its answer");
  }
  if (decoder_.bad()) co_return fail(Failure::Protocol, "not HTTP: " + std::string(decoder_.why()));
  co_return true;
}

// ---- Bytes.

// Behind a handshake message too: without bytes it sends what TLS has to say.
Task<int> Exchange::write(std::string_view bytes) {
  int sent = 0;
  if (secure_ == nullptr) {
    sent = co_await socket_->write(bytes, deadline_);
    co_return sent;
  }
  if (!bytes.empty()) secure_->session.write(bytes);
  sent = co_await socket_->write(secure_->wire.view(), deadline_);
  secure_->wire.clear();
  co_return sent;
}

// What comes next from the socket, as Socket::read(); its plaintext is then in `in_`.
Task<std::int64_t> Exchange::pump() {
  const std::int64_t got = co_await socket_->read(received_, deadline_);
  if (got <= 0) co_return got;
  const std::string_view bytes(received_.data(), static_cast<std::size_t>(got));
  if (secure_ == nullptr) {
    in_.append(bytes);
    co_return got;
  }
  decrypt(bytes);
  const int sent = co_await write({});  // an alert, or the answer to a record
  if (sent == -ETIMEDOUT || sent == -ECANCELED) co_return sent;
  co_return got;
}

void Exchange::decrypt(std::string_view ciphertext) {
  tls::Session& session = secure_->session;
  session.feed(ciphertext);
  while (const std::size_t count = session.read(secure_->plaintext))
    in_.append(secure_->plaintext.data(), count);
}

// More plaintext: as Socket::read(). Without close_notify somebody may have cut the end off
// (RFC 8446 section 6.1), which is an error here.
Task<std::int64_t> Exchange::more() {
  const std::size_t before = in_.size();
  while (in_.size() == before) {
    if (secure_ != nullptr && secure_->session.state() == tls::Session::State::Ended) co_return 0;
    const std::int64_t got = co_await pump();
    if (got == 0 && secure_ != nullptr) co_return -ECONNRESET;
    if (got <= 0) co_return got;
    if (secure_ != nullptr && secure_->session.state() == tls::Session::State::Failed)
      co_return -EPROTO;
  }
  co_return static_cast<std::int64_t>(in_.size() - before);
}

// ---- HTTP.

// Whether there is a proper head; nothing while there is too little of one.
std::optional<bool> Exchange::take_head() {
  http::HeadStorage storage;
  while (true) {
    http::ResponseHead head;
    const http::HeadResult result = http::parse_response(
        in_, scanned_, {}, storage, http::method_of(request_.method), false, head);
    if (result.status == http::HeadStatus::Incomplete) return std::nullopt;
    if (result.status == http::HeadStatus::Bad)
      return fail(Failure::Protocol, "not HTTP: " + std::string(result.why));
    if (head.interim() && ++interim_count_ > kInterimMax)
      return fail(Failure::Protocol, "too many interim answers");
    if (!head.interim()) {
      answer_.status = head.status;
      for (const http::Field& field : head.fields)
        answer_.fields.emplace_back(field.name, field.value);
      decoder_ = http::BodyDecoder(head.framing, head.content_length);
    }
    const bool is_final = !head.interim();
    in_.erase(0, result.consumed);
    scanned_ = 0;
    if (is_final) return true;
  }
}

// Whether that was all: the end, the limit, or something that is no body.
bool Exchange::take_body() {
  std::string_view rest = in_;
  bool full = false;
  while (!decoder_.done() && !decoder_.bad() && !full) {
    const http::BodyDecoder::Step step = decoder_.next(rest);
    if (step.consumed == 0) break;
    rest.remove_prefix(step.consumed);
    const std::size_t room = request_.body_bytes_max - answer_.body.size();
    answer_.body.append(step.data.substr(0, room));
    full = step.data.size() > room;
  }
  in_.clear();  // the decoder needs none of it again
  return decoder_.done() || decoder_.bad() || full;
}

// ---- Failures; each returns false.

bool Exchange::fail(Failure failure, std::string error) {
  answer_.failure = failure;
  answer_.error = std::move(error);
  return false;
}

bool Exchange::fail_connect(int error) {
  if (error == ECONNREFUSED) return fail(Failure::Refused, "connection refused");
  if (error == ENOENT) return fail(Failure::Refused, "there is no such socket");
  if (error == ETIMEDOUT || error == ECANCELED) return fail_read(-error, {});
  return fail(Failure::Unreachable, std::strerror(error));
}

bool Exchange::fail_read(std::int64_t result, std::string_view when_closed) {
  if (result == -ECANCELED) return fail(Failure::Cancelled, "cancelled");
  if (result == -ETIMEDOUT)
    return fail(Failure::Timeout, "no answer within " + words_of(request_.timeout));
  if (secure_ != nullptr && secure_->session.state() == tls::Session::State::Failed)
    return fail(Failure::Tls, "TLS failed: " + std::string(secure_->session.failure()));
  return fail(Failure::Protocol, std::string(when_closed));
}

}  // namespace

Task<HttpAnswer> fetch(Scope& scope, HttpRequest request) {
  Exchange exchange(scope, std::move(request));
  HttpAnswer answer = co_await exchange.run();
  co_return answer;
}

}  // namespace engine::async
