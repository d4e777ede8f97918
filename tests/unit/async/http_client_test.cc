// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/async/http_client.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <optional>

#include "engine/async/await.h"
#include "engine/async/socket.h"
#include "tests/unit/async/support.h"
#include "tests/unit/tls/support.h"
#include "tls/authority.h"
#include "tls/session.h"

namespace engine::async {
namespace {

using Failure = HttpAnswer::Failure;

constexpr base::Time kLong = 10 * base::kSecond;
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

Endpoint loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Endpoint endpoint{.length = sizeof address};
  std::memcpy(&endpoint.storage, &address, sizeof address);
  return endpoint;
}

Endpoint unix_path(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  Endpoint endpoint{.length =
                        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1)};
  std::memcpy(&endpoint.storage, &address, sizeof address);
  return endpoint;
}

// The test is the client; what it asks is answered by coroutines of the same thread.
class HttpClientTest : public test::Loop {
 protected:
  ~HttpClientTest() override {
    scope_.cancel();
    while (!scope_.empty()) tick();
    if (listener_ >= 0) ::close(listener_);
  }

  Endpoint listen(Endpoint at = loopback(0)) {
    listener_ = ::socket(at.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&at.storage), at.length), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    at.length = sizeof at.storage;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at.storage), &at.length);
    return at;
  }

  // Reads a request up to its last byte, and writes `answer` a few bytes at a time. Then it closes,
  // or says nothing more.
  Task<void> serve(std::string answer, bool closes) {
    const int ready = co_await Ready(scope_, listener_, POLLIN, kLong);
    if (ready < 0) co_return;
    Socket socket(scope_, ring_->accept_now(listener_));
    std::array<char, 4096> piece;
    while (!is_complete()) {
      const std::int64_t got = co_await socket.read(piece, scope_.now() + kLong);
      if (got <= 0) co_return;
      request_.append(piece.data(), static_cast<std::size_t>(got));
    }
    for (std::size_t at = 0; at < answer.size(); at += 7) {
      const std::string part = answer.substr(at, 7);
      co_await socket.write(part, scope_.now() + kLong);
      co_await Sleep(scope_, 0);
    }
    if (!closes) co_await Sleep(scope_, kLong);
  }

  // The same in TLS; `closes` says whether with close_notify.
  Task<void> serve_tls(std::shared_ptr<const tls::Context> context, std::string answer,
                       bool closes) {
    const int ready = co_await Ready(scope_, listener_, POLLIN, kLong);
    if (ready < 0) co_return;
    Socket socket(scope_, ring_->accept_now(listener_));
    base::BlockPool pool;
    base::Buffer wire(pool);
    tls::Session session(std::move(context), tls::TicketKeys::make(nullptr), "http/1.1",
                         "app.localhost", wire);
    std::array<char, 4096> piece;
    std::array<char, 4096> plaintext;
    while (!is_complete()) {
      const std::int64_t got = co_await socket.read(piece, scope_.now() + kLong);
      if (got <= 0) co_return;
      session.feed({piece.data(), static_cast<std::size_t>(got)});
      while (const std::size_t count = session.read(plaintext))
        request_.append(plaintext.data(), count);
      co_await socket.write(wire.view(), scope_.now() + kLong);
      wire.clear();
    }
    session.write(answer);
    if (closes) session.close();
    co_await socket.write(wire.view(), scope_.now() + kLong);
  }

  [[nodiscard]] bool is_complete() const {
    const std::size_t end = request_.find("\r\n\r\n");
    return end != std::string::npos && request_.size() >= end + 4 + body_bytes_expected_;
  }

  Task<void> note(HttpRequest request) { answer_ = co_await fetch(scope_, std::move(request)); }

  HttpAnswer ask(HttpRequest request) {
    answer_.reset();
    scope_.spawn(note(std::move(request)));
    EXPECT_TRUE(run_until([&] { return answer_.has_value(); }));
    return answer_.value_or(HttpAnswer{});
  }
  HttpAnswer ask_one(std::string answer, bool closes = true) {
    HttpRequest request{.endpoints = {listen()}, .host = "app"};
    request.timeout = closes ? kLong : 50 * base::kMillisecond;
    scope_.spawn(serve(std::move(answer), closes));
    return ask(std::move(request));
  }

  int listener_ = -1;
  std::size_t body_bytes_expected_ = 0;
  std::string request_;
  std::optional<HttpAnswer> answer_;
};

TEST_F(HttpClientTest, sends_what_it_was_told_and_brings_the_answer) {
  HttpRequest request{
      .endpoints = {listen()}, .method = "POST", .target = "/up?x=1", .host = "app"};
  request.fields = {{"X-Probe", "1"}};
  request.body = "hello";
  body_bytes_expected_ = 5;
  scope_.spawn(serve("HTTP/1.1 201 Created\r\nX-A: b\r\nContent-Length: 2\r\n\r\nhi", true));
  const HttpAnswer answer = ask(std::move(request));

  EXPECT_EQ(request_,
            "POST /up?x=1 HTTP/1.1\r\nHost: app\r\nConnection: close\r\nX-Probe: 1\r\n"
            "Content-Length: 5\r\n\r\nhello");
  EXPECT_EQ(answer.failure, Failure::None) << answer.error;
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body, "hi");
  EXPECT_EQ(answer.fields, (HttpFields{{"X-A", "b"}, {"Content-Length", "2"}}));
}

TEST_F(HttpClientTest, does_not_wait_for_the_peer_to_close) {
  const HttpAnswer answer = ask_one(std::string(kOk), false);
  EXPECT_EQ(answer.failure, Failure::None) << answer.error;
  EXPECT_EQ(answer.body, "hi");
}

TEST_F(HttpClientTest, reads_every_framing) {
  EXPECT_EQ(ask_one("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0"
                    "\r\n\r\n")
                .body,
            "abcde");
}

TEST_F(HttpClientTest, a_body_may_last_until_the_end) {
  const HttpAnswer answer = ask_one("HTTP/1.0 200 OK\r\n\r\nall of it");
  EXPECT_EQ(answer.failure, Failure::None) << answer.error;
  EXPECT_EQ(answer.body, "all of it");
}

TEST_F(HttpClientTest, interim_answers_are_skipped) {
  EXPECT_EQ(ask_one("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + std::string(kOk)).status, 200);
}

TEST_F(HttpClientTest, interim_answers_without_end_are_not) {
  std::string many;
  for (int i = 0; i < 17; ++i) many += "HTTP/1.1 103 Early Hints\r\n\r\n";
  EXPECT_EQ(ask_one(many + std::string(kOk)).error, "too many interim answers");
}

TEST_F(HttpClientTest, a_large_body_is_cut) {
  for (const std::size_t most : {0U, 1U, 2U}) {
    HttpRequest request{.endpoints = {listen()}, .host = "app"};
    request.body_bytes_max = most;
    request_.clear();
    scope_.spawn(serve(std::string(kOk), true));
    const HttpAnswer answer = ask(std::move(request));
    EXPECT_EQ(answer.failure, Failure::None) << answer.error;
    EXPECT_EQ(answer.body, std::string("hi").substr(0, most));
    ::close(std::exchange(listener_, -1));
  }
}

TEST_F(HttpClientTest, what_is_no_http_is_refused) {
  const HttpAnswer answer = ask_one("SSH-2.0-OpenSSH_9.2\r\n\r\n");
  EXPECT_EQ(answer.failure, Failure::Protocol);
  EXPECT_TRUE(answer.error.starts_with("not HTTP: ")) << answer.error;
}

TEST_F(HttpClientTest, an_early_end_is_told_apart) {
  EXPECT_EQ(ask_one("").error, "closed before it answered");
}

TEST_F(HttpClientTest, half_an_answer_is_none) {
  const HttpAnswer answer = ask_one("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi");
  EXPECT_EQ(answer.failure, Failure::Protocol);
  EXPECT_EQ(answer.error, "closed before the end of its answer");
  EXPECT_EQ(answer.status, 200);
}

TEST_F(HttpClientTest, silence_ends_with_the_timeout) {
  const HttpAnswer answer = ask_one("", false);
  EXPECT_EQ(answer.failure, Failure::Timeout);
  EXPECT_EQ(answer.error, "no answer within 50ms");
}

TEST_F(HttpClientTest, a_port_where_nobody_listens_refuses) {
  const Endpoint endpoint = listen();
  ::close(std::exchange(listener_, -1));
  const HttpAnswer answer = ask({.endpoints = {endpoint}, .host = "app"});
  EXPECT_EQ(answer.failure, Failure::Refused);
  EXPECT_EQ(answer.error, "connection refused");
  EXPECT_EQ(ask({.host = "app"}).failure, Failure::Unreachable);
}

TEST_F(HttpClientTest, the_next_address_is_tried) {
  const Endpoint nobody = listen();
  ::close(std::exchange(listener_, -1));
  HttpRequest request{.endpoints = {nobody, unix_path("/nonexistent/socket"), listen()},
                      .host = "app"};
  scope_.spawn(serve(std::string(kOk), true));
  const HttpAnswer answer = ask(std::move(request));
  EXPECT_EQ(answer.status, 200) << answer.error;
  EXPECT_EQ(answer.failure, Failure::None);
}

TEST_F(HttpClientTest, speaks_to_unix_sockets) {
  const ::tls::test::Folder folder;
  HttpRequest request{.endpoints = {listen(unix_path(folder.path("s")))}, .host = "app"};
  scope_.spawn(serve(std::string(kOk), true));
  EXPECT_EQ(ask(std::move(request)).status, 200);
  EXPECT_EQ(ask({.endpoints = {unix_path(folder.path("other"))}}).error, "there is no such socket");
}

TEST_F(HttpClientTest, a_request_that_would_be_two_is_not_sent) {
  for (const auto& [target, host] :
       {std::pair{"/ HTTP/1.1\r\nX: y", "app"}, {"/a b", "app"}, {"", "app"}, {"/", "a\r\nX: y"}}) {
    const HttpAnswer answer = ask({.endpoints = {listen()}, .target = target, .host = host});
    EXPECT_EQ(answer.failure, Failure::Protocol) << target;
    EXPECT_EQ(ring_->accept_now(listener_), -EAGAIN);
    ::close(std::exchange(listener_, -1));
  }
}

TEST_F(HttpClientTest, ends_with_its_scope) {
  HttpRequest request{.endpoints = {listen()}, .host = "app"};
  scope_.spawn(note(std::move(request)));
  tick();
  scope_.cancel();
  ASSERT_TRUE(run_until([&] { return scope_.empty(); }));
  EXPECT_EQ(answer_->failure, Failure::Cancelled);
}

class HttpsClientTest : public HttpClientTest {
 protected:
  HttpAnswer ask_in_tls(std::string answer, bool closes, std::string name = "app.localhost") {
    const std::int64_t now = std::time(nullptr);
    const auto authority = *tls::Authority::create(now);
    const auto pair = *authority.issue("app.localhost", now);
    tls::ClientOptions options;
    options.ca_pem = authority.pair().chain_pem;
    HttpRequest request{.endpoints = {listen()}, .tls = *tls::Context::client(options)};
    request.server_name = std::move(name);
    scope_.spawn(serve_tls(*tls::Context::server(pair.chain_pem, pair.key_pem, tls::Version::Tls12),
                           std::move(answer), closes));
    return ask(std::move(request));
  }
};

TEST_F(HttpsClientTest, speaks_tls) {
  const std::string body(100'000, 'x');
  const HttpAnswer answer =
      ask_in_tls("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body, true);
  EXPECT_EQ(answer.failure, Failure::None) << answer.error;
  EXPECT_EQ(answer.body, body);
}

TEST_F(HttpsClientTest, only_close_notify_is_the_end_of_a_body) {
  EXPECT_EQ(ask_in_tls("HTTP/1.0 200 OK\r\n\r\nall", true).failure, Failure::None);
  request_.clear();
  ::close(std::exchange(listener_, -1));
  const HttpAnswer answer = ask_in_tls("HTTP/1.0 200 OK\r\n\r\nall", false);
  EXPECT_EQ(answer.failure, Failure::Protocol);
  EXPECT_EQ(answer.error, "closed before the end of its answer");
}

TEST_F(HttpsClientTest, another_name_is_refused) {
  const HttpAnswer answer = ask_in_tls(std::string(kOk), true, "other.localhost");
  EXPECT_EQ(answer.failure, Failure::Tls);
  EXPECT_EQ(answer.error, "TLS failed: the certificate is not for this name");
}

TEST_F(HttpsClientTest, a_server_without_tls_is_no_tls_server) {
  HttpRequest request{.endpoints = {listen()}, .tls = *tls::Context::client({.insecure = true})};
  request_ = "\r\n\r\n";  // answers the hello
  scope_.spawn(serve("HTTP/1.1 400 Bad Request\r\n\r\n", true));
  EXPECT_EQ(ask(std::move(request)).failure, Failure::Tls);
}

}  // namespace
}  // namespace engine::async
