// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/api_server.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <string>

#include "engine/base/log.h"
#include "tests/unit/async/support.h"
#include "tests/unit/tls/support.h"

namespace engine::control {
namespace {

constexpr base::Time kSoon = 50 * base::kMillisecond;

// A client of the test: it never blocks, so that the server's loop can turn.
class Client {
 public:
  explicit Client(const route::Address& address)
      : socket_(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    ::connect(socket_, address.get(), address.length);
  }
  ~Client() { close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  // What the socket takes; how much that was.
  std::size_t send(std::string_view bytes) const {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
  }
  void receive(std::size_t at_most = SIZE_MAX) {
    std::array<char, 65536> piece;
    while (!ended && at_most > 0) {
      const auto got = ::recv(socket_, piece.data(), std::min(piece.size(), at_most), 0);
      ended = got == 0 || (got < 0 && errno != EAGAIN);
      if (got <= 0) return;
      text.append(piece.data(), static_cast<std::size_t>(got));
      at_most -= static_cast<std::size_t>(got);
    }
  }
  [[nodiscard]] std::size_t count(std::string_view what) const {
    std::size_t found = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
      ++found;
    return found;
  }

  std::string text;  // all that came
  bool ended = false;

 private:
  int socket_;
};

class ApiServerTest : public async::test::Loop {
 protected:
  ~ApiServerTest() override {
    if (server_) server_->close();
    while (server_ && !server_->closed()) tick();
  }

  void start(ApiLimits limits = {}) {
    server_ = std::make_unique<ApiServer>(
        *ring_, timers_,
        [this](ApiRequest request, ApiWriter& writer) {
          return handle(std::move(request), writer);
        },
        limits);
    const auto listening = server_->listen_unix(path_, "");
    ASSERT_TRUE(listening) << listening.error().message;
    ASSERT_TRUE(route::Address::from_unix_path(path_, address_));
  }
  void start_tcp(const std::string& token) {
    start();
    const auto port = server_->listen_tcp("127.0.0.1", 0, token);
    ASSERT_TRUE(port) << port.error().message;
    ASSERT_TRUE(route::Address::parse_ip("127.0.0.1", *port, address_));
  }

  async::Task<void> handle(ApiRequest request, ApiWriter& writer) {
    ++handled_;
    if (request.path == "/silent") co_return;
    if (request.path == "/throw") throw std::runtime_error("broken");
    if (request.path == "/events") {
      co_await listen(writer);
      co_return;
    }
    ApiReply reply;
    if (request.path == "/large") {
      reply.body.assign(large_bytes_, 'x');
    } else {
      reply.body = request.method + " " + request.path + " " + request.body + ";";
    }
    const bool written = co_await writer.reply(std::move(reply));
    if (!written) ++failed_;
  }

  async::Task<void> listen(ApiWriter& writer) {
    bool goes_on = co_await writer.begin_events();
    int told = 0;
    while (goes_on) {
      while (goes_on && told < happened_) {
        std::string json = "{\"n\":" + std::to_string(++told) + "}";
        goes_on = co_await writer.event("tick", std::move(json));
      }
      if (goes_on) goes_on = co_await writer.wait(event_);
    }
    ++listeners_ended_;
  }

  [[nodiscard]] bool has(Client& client, std::string_view what, std::size_t times = 1) {
    return run_until([&] {
      client.receive();
      return client.count(what) >= times;
    });
  }
  [[nodiscard]] bool ends(Client& client) {
    return run_until([&] {
      client.receive();
      return client.ended;
    });
  }
  // Everything that a request with "Connection: close", or one that is refused, is answered with.
  std::string ask(std::string_view request) {
    Client client(address_);
    EXPECT_TRUE(run_until([&] {
      request.remove_prefix(client.send(request));
      client.receive();
      return client.ended || (request.empty() && client.text.ends_with(";"));
    }));
    return client.text;
  }
  static std::string status_of(const std::string& answer) {
    return answer.size() < 12 ? answer : answer.substr(9, 3);
  }
  std::string status(std::string_view request) { return status_of(ask(request)); }

  const tls::test::Folder folder_;
  const std::string path_ = folder_.path("admin.sock");
  route::Address address_;
  std::unique_ptr<ApiServer> server_;
  async::Event event_;
  std::size_t large_bytes_ = 8UL << 20U;
  int handled_ = 0;
  int failed_ = 0;
  int happened_ = 0;
  int listeners_ended_ = 0;
};

TEST_F(ApiServerTest, answers_a_request) {
  start();
  const std::string answer = ask("GET /v1/a%20b?x=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nGET /v1/a b ;")) << answer;
}

TEST_F(ApiServerTest, a_connection_takes_one_request_after_the_other) {
  start();
  Client client(address_);
  for (std::size_t i = 1; i <= 3; ++i) {
    client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(has(client, "GET /a ;", i));
  }
  client.send("GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(ends(client));
  EXPECT_EQ(client.count("Connection: close"), 1U);
}

TEST_F(ApiServerTest, requests_may_come_all_at_once) {
  start();
  Client client(address_);
  client.send(
      "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n12"
      "GET /b HTTP/1.1\r\nHost: x\r\n\r\n\r\nHEAD /c HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /d HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(has(client, "GET /d ;"));
  EXPECT_EQ(client.count("PUT /a 12;"), 1U);
  EXPECT_EQ(client.count("GET /b ;"), 1U);
  EXPECT_EQ(client.count("HEAD /c ;"), 0U);  // its length only
  EXPECT_EQ(client.count("Content-Length: 9\r\n"), 1U);
}

TEST_F(ApiServerTest, any_split_of_the_bytes_gives_the_same) {
  start();
  Client client(address_);
  const std::string request =
      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (const char c : request) {
    client.send({&c, 1});
    tick();
  }
  EXPECT_TRUE(has(client, "POST /a abc;"));
}

TEST_F(ApiServerTest, a_client_that_asks_first_is_told_to_go_on) {
  start();
  Client client(address_);
  client.send(
      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
      "Content-Length: 2\r\n\r\n");
  ASSERT_TRUE(has(client, "HTTP/1.1 100 Continue\r\n\r\n"));
  client.send("12");
  EXPECT_TRUE(has(client, "POST /a 12;"));
}

TEST_F(ApiServerTest, a_body_has_a_limit) {
  start({.body_bytes_max = 8});
  const auto with_length = [](std::size_t length) {
    return "POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(length) + "\r\n\r\n" + std::string(length, 'b');
  };
  const auto in_chunks = [](const std::string& chunk) {
    return "POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
           "Transfer-Encoding: chunked\r\n\r\n4\r\nbbbb\r\n" +
           std::to_string(chunk.size()) + "\r\n" + chunk + "\r\n0\r\n\r\n";
  };
  EXPECT_EQ(status(with_length(7)), "200");
  EXPECT_EQ(status(with_length(8)), "200");
  EXPECT_EQ(status(with_length(9)), "413");
  EXPECT_EQ(status(in_chunks("bbb")), "200");
  EXPECT_EQ(status(in_chunks("bbbb")), "200");
  EXPECT_EQ(status(in_chunks("bbbbb")), "413");
  EXPECT_EQ(handled_, 4);
}

TEST_F(ApiServerTest, a_refusal_reaches_a_client_that_still_sends) {
  start();
  const std::string answer =
      ask("POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 8000000"
          "\r\n\r\n" +
          std::string(8'000'000, 'b'));
  EXPECT_EQ(status_of(answer), "413");
  EXPECT_NE(answer.find("application/problem+json"), std::string::npos);
}

TEST_F(ApiServerTest, what_is_no_request_is_refused) {
  start();
  EXPECT_EQ(status("hello\r\n\r\n"), "400");
  EXPECT_EQ(status("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n"), "400");
  EXPECT_EQ(status("GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n"), "400");
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n"),
            "431");
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                   "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
            "400");
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"), "415");
  EXPECT_EQ(handled_, 0);
}

TEST_F(ApiServerTest, over_tcp_changes_need_the_token) {
  start_tcp("s3cret");
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "200");
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"), "403");
  const std::string answer = ask("DELETE /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(status_of(answer), "401");
  EXPECT_NE(answer.find("\r\nWWW-Authenticate: Bearer\r\n"), std::string::npos);
  EXPECT_EQ(handled_, 1);
  EXPECT_EQ(status("DELETE /a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\n\r\n"), "200");
}

TEST_F(ApiServerTest, without_a_token_tcp_is_for_reading) {
  start_tcp("");
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "200");
  EXPECT_EQ(status("DELETE /a HTTP/1.1\r\nHost: localhost\r\n\r\n"), "403");
  EXPECT_FALSE(server_->listen_tcp("", 0, ""));
  EXPECT_TRUE(server_->listen_tcp("", 0, "s3cret"));
}

TEST_F(ApiServerTest, slow_clients_are_told_so) {
  start({.head = kSoon, .body = kSoon});
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost:"), "408");
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                   "Content-Length: 2\r\n\r\n{"),
            "408");
}

TEST_F(ApiServerTest, an_idle_connection_ends_without_a_word) {
  start({.idle = kSoon});
  EXPECT_EQ(ask(""), "");
  Client client(address_);
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(ends(client));
  EXPECT_TRUE(client.text.ends_with("GET / ;"));
}

TEST_F(ApiServerTest, a_handler_that_fails_is_a_500_and_a_line_in_the_log) {
  static std::string logged;
  logged.clear();
  base::log::set_sink([](std::string_view line) { logged += line; });
  start();
  EXPECT_EQ(status("GET /throw HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "500");
  EXPECT_EQ(status("GET /silent HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "500");
  base::log::set_sink(nullptr);
  EXPECT_NE(logged.find("request=\"GET /throw\" cause=broken"), std::string::npos) << logged;
  EXPECT_NE(logged.find("request=\"GET /silent\" cause=\"no answer\""), std::string::npos);
}

TEST_F(ApiServerTest, too_many_connections_are_refused) {
  start({.connections_max = 3});
  std::array<std::unique_ptr<Client>, 3> clients;
  for (auto& client : clients) {
    client = std::make_unique<Client>(address_);
    client->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(has(*client, "GET / ;"));
  }
  EXPECT_EQ(status(""), "503");
  clients[1]->close();
  EXPECT_TRUE(run_until(
      [&] { return status("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") == "200"; }));
}

TEST_F(ApiServerTest, many_connections_are_served_at_once) {
  start();
  std::vector<std::unique_ptr<Client>> clients(200);
  for (auto& client : clients) {
    client = std::make_unique<Client>(address_);
    client->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    tick();  // the backlog of a unix socket is short
  }
  for (auto& client : clients) ASSERT_TRUE(has(*client, "GET / ;"));
}

TEST_F(ApiServerTest, a_slow_reader_gets_all_of_it) {
  start();
  Client client(address_);
  client.send("GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(run_until([&] {
    client.receive(100'000);
    return client.ended;
  }));
  EXPECT_EQ(client.text.size() - client.text.find("\r\n\r\n") - 4, large_bytes_);
}

TEST_F(ApiServerTest, who_reads_nothing_is_let_go) {
  start({.write = kSoon});
  Client client(address_);
  client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(run_until([&] { return failed_ == 1; }));
}

TEST_F(ApiServerTest, events_arrive_as_they_happen) {
  start();
  Client client(address_);
  client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(has(client, "Content-Type: text/event-stream\r\n"));
  happened_ = 2;
  event_.notify();
  ASSERT_TRUE(has(client, "event: tick\ndata: {\"n\":1}\n\nevent: tick\ndata: {\"n\":2}\n\n"));
  happened_ = 3;
  event_.notify();
  EXPECT_TRUE(has(client, "data: {\"n\":3}\n\n"));
}

TEST_F(ApiServerTest, a_silent_stream_has_a_heartbeat) {
  start({.heartbeat = kSoon});
  Client client(address_);
  client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(has(client, ": still here\n\n", 2));
  happened_ = 1;
  event_.notify();
  EXPECT_TRUE(has(client, "data: {\"n\":1}\n\n"));
}

TEST_F(ApiServerTest, a_listener_that_goes_is_noticed_at_once) {
  start();
  Client client(address_);
  client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(has(client, "text/event-stream"));
  client.close();
  EXPECT_TRUE(run_until([&] { return listeners_ended_ == 1; }));
}

TEST_F(ApiServerTest, closing_ends_everything) {
  start();
  Client idle(address_);
  Client half(address_);
  Client listener(address_);
  half.send("GET / HT");
  listener.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(has(listener, "text/event-stream"));

  server_->close();
  EXPECT_TRUE(run_until([&] { return server_->closed(); }));
  EXPECT_TRUE(ends(idle) && ends(half) && ends(listener));
  EXPECT_EQ(listeners_ended_, 1);
  EXPECT_EQ(::access(path_.c_str(), F_OK), -1);
}

}  // namespace
}  // namespace engine::control
