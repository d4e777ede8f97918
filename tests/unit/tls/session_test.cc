// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/session.h"

#include <gtest/gtest.h>

#include <ctime>

#include "tls/authority.h"

namespace tls {
namespace {

using engine::base::BlockPool;
using engine::base::Buffer;

const Authority& authority() {
  static const Authority made = *Authority::create(std::time(nullptr));
  return made;
}

std::shared_ptr<const Context> server_context(std::string_view name, Version min = Version::Tls12) {
  const Pair pair = *authority().issue(name, std::time(nullptr));
  return *Context::server(pair.chain_pem, pair.key_pem, min);
}

std::shared_ptr<const Context> client_context(bool insecure = false) {
  ClientOptions options;
  options.insecure = insecure;
  if (!insecure) options.ca_pem = authority().pair().chain_pem;
  return *Context::client(options);
}

// Both ends of a connection; what one writes waits in its buffer until it is carried over.
struct Talk {
  explicit Talk(std::shared_ptr<const Context> server_side,
                std::shared_ptr<const Context> client_side = client_context(),
                std::string_view name = "app.localhost", std::string_view offers = "http/1.1",
                std::string_view speaks = "http/1.1")
      : server(std::move(server_side), keys, speaks, {}, to_client),
        client(std::move(client_side), nullptr, offers, name, to_server) {}

  // At most `piece` bytes at a time, until nothing moves any more.
  void carry(std::size_t piece = SIZE_MAX) {
    while (!to_server.empty() || !to_client.empty()) {
      at_server += pass(to_server, server, piece);
      at_client += pass(to_client, client, piece);
    }
  }

  static std::string pass(Buffer& from, Session& to, std::size_t piece) {
    const std::string bytes(from.view().substr(0, piece));
    from.consume(bytes.size());
    std::string plaintext;
    std::array<char, 1000> some;
    to.feed(bytes);
    while (const std::size_t count = to.read(some)) plaintext.append(some.data(), count);
    return plaintext;
  }

  BlockPool pool;
  Buffer to_client{pool}, to_server{pool};
  std::shared_ptr<const TicketKeys> keys = TicketKeys::make(nullptr);
  Session server, client;
  std::string at_server, at_client;
};

TEST(TlsSession, carries_plaintext_both_ways) {
  Talk talk(server_context("app.localhost"));
  talk.carry();
  ASSERT_EQ(talk.server.state(), Session::State::Open) << talk.server.failure();
  ASSERT_EQ(talk.client.state(), Session::State::Open) << talk.client.failure();
  EXPECT_EQ(talk.server.version(), "1.3");
  EXPECT_EQ(talk.server.protocol(), "http/1.1");

  const std::string large(100'000, 'x');
  talk.client.write("hello");
  talk.server.write(large);
  talk.carry();
  EXPECT_EQ(talk.at_server, "hello");
  EXPECT_EQ(talk.at_client, large);
}

TEST(TlsSession, any_split_of_the_bytes_gives_the_same) {
  const auto context = server_context("app.localhost");
  for (const std::size_t piece : {1U, 2U, 3U, 5U, 6U, 100U, 1000U}) {
    Talk talk(context);
    talk.carry(piece);
    ASSERT_TRUE(talk.client.established() && talk.server.established()) << piece;
    talk.client.write("hello");
    talk.carry(piece);
    EXPECT_EQ(talk.at_server, "hello") << piece;
  }
}

TEST(TlsSession, close_notify_ends_one_direction) {
  Talk talk(server_context("app.localhost"));
  talk.carry();
  talk.client.write("last");
  talk.client.close();
  talk.carry();
  EXPECT_EQ(talk.at_server, "last");
  EXPECT_EQ(talk.server.state(), Session::State::Ended);
  talk.server.write("answer");
  talk.carry();
  EXPECT_EQ(talk.at_client, "answer");
}

TEST(TlsSession, a_client_refuses_another_name_or_another_authority) {
  Talk other_name(server_context("other.localhost"));
  other_name.carry();
  EXPECT_EQ(other_name.client.failure(), "the certificate is not for this name");
  EXPECT_NE(other_name.server.failure().find("the peer sent the alert"), std::string::npos)
      << other_name.server.failure();

  ClientOptions options;
  options.ca_pem = Authority::create(std::time(nullptr))->pair().chain_pem;
  Talk other_authority(server_context("app.localhost"), *Context::client(options));
  other_authority.carry();
  EXPECT_EQ(other_authority.client.failure(), "the certificate is of an unknown authority");

  Talk careless(server_context("other.localhost"), client_context(true));
  careless.carry();
  EXPECT_EQ(careless.client.state(), Session::State::Open) << careless.client.failure();
}

TEST(TlsSession, without_a_protocol_in_common_there_is_no_connection) {
  Talk talk(server_context("app.localhost"), client_context(), "app.localhost", "spdy/3");
  talk.carry();
  EXPECT_EQ(talk.server.failure(), "no application protocol in common");
  EXPECT_EQ(talk.client.failure(), "the peer sent the alert no_application_protocol");
}

TEST(TlsSession, garbage_is_answered_with_an_alert) {
  BlockPool pool;
  Buffer out(pool);
  Session server(server_context("app.localhost"), nullptr, "http/1.1", {}, out);
  std::array<char, 100> plaintext;
  server.feed(std::string_view("\x16\x03\x01\x00\x05hello and more", 20));
  EXPECT_EQ(server.read(plaintext), 0U);
  EXPECT_EQ(server.state(), Session::State::Failed);
  EXPECT_FALSE(server.failure().empty());
  ASSERT_GE(out.size(), 7U);
  EXPECT_EQ(out.view()[0], '\x15');  // an alert
}

TEST(TlsSession, what_is_written_after_a_failure_is_dropped) {
  Talk talk(server_context("app.localhost"));
  talk.carry();
  talk.to_server.append(std::string_view("\x17\x03\x03\x00\x20", 5));
  talk.to_server.append(std::string(32, 'x'));
  talk.carry();
  ASSERT_EQ(talk.server.state(), Session::State::Failed);
  talk.server.write("an answer");
  talk.server.close();
  EXPECT_TRUE(talk.to_client.empty());
}

TEST(TlsSession, a_changed_record_is_refused) {
  Talk talk(server_context("app.localhost"));
  talk.carry();
  talk.client.write("hello");
  std::string record(talk.to_server.view());
  talk.to_server.clear();
  record.back() = static_cast<char>(record.back() ^ 1);
  talk.to_server.append(record);
  talk.carry();
  EXPECT_EQ(talk.at_server, "");
  EXPECT_EQ(talk.server.state(), Session::State::Failed);
}

TEST(TlsContext, a_pair_that_cannot_be_used_is_refused) {
  const Pair pair = *authority().issue("app.localhost", std::time(nullptr));
  EXPECT_FALSE(Context::server("", pair.key_pem, Version::Tls12).has_value());
  EXPECT_FALSE(Context::server(pair.chain_pem, "", Version::Tls12).has_value());
}

}  // namespace
}  // namespace tls
