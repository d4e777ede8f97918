// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/api_guard.h"

#include <gtest/gtest.h>

#include "engine/http/h1_head.h"

namespace engine::control {
namespace {

constexpr uid_t kOwner = 1000;
constexpr gid_t kGroup = 50;

route::Address ip(std::string_view host, std::uint16_t port = 2020) {
  route::Address address;
  EXPECT_TRUE(route::Address::parse_ip(host, port, address)) << host;
  return address;
}

ApiDoor tcp_door(std::string token = "", std::string_view host = "127.0.0.1") {
  return {.kind = ApiDoor::Kind::Tcp, .address = ip(host), .token = std::move(token)};
}

ApiPeer tcp_peer(std::string_view host = "127.0.0.1") {
  return {.name = std::string(host) + ":4711", .address = ip(host, 4711)};
}

// `request` is a request line and fields, each line ended by "\n".
std::expected<Caller, ApiReply> ask(const ApiDoor& door, const ApiPeer& peer, std::string request) {
  std::string text;
  for (const char c : request) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  text += "\r\n";
  http::HeadStorage storage;
  http::RequestHead head;
  std::uint32_t scanned = 0;
  EXPECT_EQ(http::parse_request(text, scanned, {}, storage, head).status,
            http::HeadStatus::Complete)
      << text;
  return admit(door, peer, head);
}

// 200, or the status of the refusal.
int status(const ApiDoor& door, const ApiPeer& peer, std::string request) {
  const auto caller = ask(door, peer, std::move(request));
  return caller ? 200 : caller.error().status;
}

TEST(ApiGuard, knows_loopback_addresses) {
  for (const auto* host : {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(is_loopback(ip(host))) << host;
  for (const auto* host : {"126.0.0.1", "128.0.0.1", "0.0.0.0", "::", "::2", "::ffff:10.0.0.1"})
    EXPECT_FALSE(is_loopback(ip(host))) << host;
  route::Address local;
  ASSERT_TRUE(route::Address::from_unix_path("/run/x", local));
  EXPECT_FALSE(is_loopback(local));
}

TEST(ApiGuard, the_unix_socket_is_for_root_the_owner_and_the_group) {
  const ApiDoor door{.owner = kOwner, .group = kGroup};
  const ApiDoor without_group{.owner = kOwner};
  const std::string change = "DELETE /v1/routes/a HTTP/1.1\nHost: localhost\n";
  struct Case {
    uid_t uid;
    std::vector<gid_t> groups;
    int with, without;
  };
  for (const Case& each : {Case{0, {0}, 200, 200}, Case{kOwner, {7}, 200, 200},
                           Case{33, {33, kGroup}, 200, 403}, Case{33, {33}, 403, 403}}) {
    const ApiPeer peer{.name = "somebody", .uid = each.uid, .groups = each.groups};
    EXPECT_EQ(status(door, peer, change), each.with) << each.uid;
    EXPECT_EQ(status(without_group, peer, change), each.without) << each.uid;
  }
}

TEST(ApiGuard, the_kernels_word_about_the_caller_is_passed_on) {
  const ApiPeer peer{.name = "uid 0 (root), pid 12", .uid = 0, .pid = 12};
  const auto caller = ask({.owner = kOwner}, peer, "GET / HTTP/1.1\nHost: x\n");
  ASSERT_TRUE(caller);
  EXPECT_TRUE(caller->may_write);
  EXPECT_EQ(caller->who, "uid 0 (root), pid 12");
  EXPECT_EQ(caller->uid, 0U);
  EXPECT_EQ(caller->pid, 12);
}

TEST(ApiGuard, over_tcp_a_token_decides) {
  const std::string read = "GET /v1/status HTTP/1.1\nHost: localhost:2020\n";
  const std::string change = "POST /v1/reload HTTP/1.1\nHost: localhost:2020\n";
  const std::string right = "Authorization: bearer s3cret\n";
  struct Case {
    std::string token, address, request;
    int status;
  };
  const Case cases[] = {
      {"", "127.0.0.1", read, 200},
      {"", "127.0.0.1", change, 403},
      {"", "127.0.0.1", change + right, 403},
      {"s3cret", "127.0.0.1", read, 200},
      {"s3cret", "127.0.0.1", read + right, 200},
      {"s3cret", "127.0.0.1", read + "Authorization: Bearer s3cres\n", 401},
      {"s3cret", "127.0.0.1", read + "Authorization: Basic s3cret\n", 401},
      {"s3cret", "127.0.0.1", read + "Authorization: Bearer\n", 401},
      {"s3cret", "127.0.0.1", change, 401},
      {"s3cret", "127.0.0.1", change + right, 200},
      {"s3cret", "127.0.0.1", change + "Authorization: Bearer s3cret2\n", 401},
      {"s3cret", "0.0.0.0", read, 401},
      {"s3cret", "0.0.0.0", read + right, 200},
      {"s3cret", "0.0.0.0", change + right, 200},
  };
  for (const Case& each : cases)
    EXPECT_EQ(status(tcp_door(each.token, each.address), tcp_peer(), each.request), each.status)
        << each.token << " " << each.address << "\n"
        << each.request;
}

TEST(ApiGuard, a_refusal_says_what_is_missing) {
  const std::string change = "POST /v1/reload HTTP/1.1\nHost: localhost\n";
  const auto no_token = ask(tcp_door(), tcp_peer(), change);
  EXPECT_NE(no_token.error().body.find("admin.token"), std::string::npos);
  const auto not_sent = ask(tcp_door("s3cret"), tcp_peer(), change);
  EXPECT_EQ(not_sent.error().fields.at(0),
            (std::pair<std::string, std::string>("WWW-Authenticate", "Bearer")));
  EXPECT_EQ(not_sent.error().content_type, "application/problem+json");
}

TEST(ApiGuard, the_token_is_in_the_callers_name) {
  const std::string read = "GET / HTTP/1.1\nHost: localhost\n";
  const auto with = ask(tcp_door("a"), tcp_peer(), read + "Authorization: Bearer a\n");
  EXPECT_EQ(with->who, "127.0.0.1:4711 (token)");
  EXPECT_TRUE(with->may_write);
  const auto without = ask(tcp_door("a"), tcp_peer(), read);
  EXPECT_EQ(without->who, "127.0.0.1:4711");
  EXPECT_FALSE(without->may_write || without->uid || without->pid);
}

TEST(ApiGuard, a_peer_from_elsewhere_needs_the_token_even_at_a_loopback_door) {
  const std::string read = "GET / HTTP/1.1\nHost: localhost\n";
  EXPECT_EQ(status(tcp_door(), tcp_peer("10.0.0.9"), read), 401);
  EXPECT_EQ(status(tcp_door(), tcp_peer("::ffff:127.0.0.1"), read), 200);
}

TEST(ApiGuard, host_must_name_this_machine) {
  for (const auto* host : {"localhost", "LOCALHOST:2020", "a.b.localhost:1", "127.0.0.1",
                           "127.3.2.1:99", "[::1]:2020", "[::1]"}) {
    const std::string read = std::string("GET / HTTP/1.1\nHost: ") + host + "\n";
    EXPECT_EQ(status(tcp_door(), tcp_peer(), read), 200) << host;
  }
  for (const auto* host : {"evil.example:2020", "localhost.evil.example", "xlocalhost", "10.0.0.1",
                           "127.0.0.1.evil.example", "localhost."}) {
    const std::string read = std::string("GET / HTTP/1.1\nHost: ") + host + "\n";
    EXPECT_EQ(status(tcp_door("s3cret"), tcp_peer(), read), 403) << host;
    EXPECT_EQ(status(tcp_door("s3cret"), tcp_peer(), read + "Authorization: Bearer s3cret\n"), 200)
        << host;
  }
  EXPECT_EQ(status(tcp_door(), tcp_peer(), "GET / HTTP/1.0\n"), 403);
  // The address listened on; then the token is what is missing.
  EXPECT_EQ(status(tcp_door("a", "10.0.0.1"), tcp_peer(), "GET / HTTP/1.1\nHost: 10.0.0.1:1\n"),
            401);
}

TEST(ApiGuard, pages_of_other_origins_are_refused) {
  const std::string read =
      "GET / HTTP/1.1\nHost: localhost:2020\nAuthorization: Bearer a\nOrigin: ";
  for (const auto* origin : {"http://localhost:2020", "https://LOCALHOST:2020"})
    EXPECT_EQ(status(tcp_door("a"), tcp_peer(), read + origin + "\n"), 200) << origin;
  for (const auto* origin : {"null", "http://localhost", "http://localhost:3000", "",
                             "http://evil.example", "file://localhost:2020"}) {
    EXPECT_EQ(status(tcp_door("a"), tcp_peer(), read + origin + "\n"), 403) << origin;
  }
}

TEST(ApiGuard, a_change_with_a_body_says_that_it_is_json) {
  const ApiDoor door{.owner = kOwner};
  const ApiPeer root{.name = "root"};
  struct Case {
    std::string request;
    int status;
  };
  const std::string post = "POST /v1/deploys HTTP/1.1\nHost: x\n";
  const std::string body = "Content-Length: 2\n";
  const Case cases[] = {
      {post, 200},
      {post + "Content-Length: 0\n", 200},
      {post + body, 415},
      {post + "Transfer-Encoding: chunked\n", 415},
      {post + body + "Content-Type: text/plain\n", 415},
      {post + body + "Content-Type: application/toml\n", 415},
      {post + body + "Content-Type: Application/JSON ; charset=utf-8\n", 200},
      {"PUT /v1/config HTTP/1.1\nHost: x\nContent-Type: application/toml\n" + body, 200},
      {"PUT /v1/config HTTP/1.1\nHost: x\nContent-Type: application/json\n" + body, 200},
      {"GET / HTTP/1.1\nHost: x\nContent-Type: text/plain\n" + body, 200},
      {"FROB / HTTP/1.1\nHost: x\n" + body, 415},
  };
  for (const Case& each : cases)
    EXPECT_EQ(status(door, root, each.request), each.status) << each.request;
}

TEST(ApiGuard, an_unknown_method_is_a_change) {
  for (const auto* method : {"POST", "PUT", "PATCH", "DELETE", "FROB", "get"})
    EXPECT_EQ(
        status(tcp_door(), tcp_peer(), std::string(method) + " / HTTP/1.1\nHost: localhost\n"), 403)
        << method;
  for (const auto* method : {"GET", "HEAD", "OPTIONS"})
    EXPECT_EQ(
        status(tcp_door(), tcp_peer(), std::string(method) + " / HTTP/1.1\nHost: localhost\n"), 200)
        << method;
}

TEST(ApiGuard, a_tap_is_for_those_who_may_change_things) {
  const auto refused = refuse_tap({.may_write = false, .who = "127.0.0.1:4711"});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 401);
  EXPECT_FALSE(refuse_tap({.may_write = true, .who = "uid 0 (root)"}));
}

}  // namespace
}  // namespace engine::control
