// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/session.h"

#include <gtest/gtest.h>

#include <ctime>

#include "tests/unit/tls/support.h"
#include "tls/authority.h"
#include "tls/pem.h"

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

const std::shared_ptr<const TicketKeys>& ticket_keys() {
  static const auto made = TicketKeys::make(nullptr);
  return made;
}

// Both ends of a connection; what one writes waits in its buffer until it is carried over.
struct Talk {
  explicit Talk(std::shared_ptr<const Context> server_side,
                std::shared_ptr<const Context> client_side = client_context(),
                std::string_view name = "app.localhost", std::string_view offers = "http/1.1",
                std::string_view speaks = "http/1.1", const Resumption* resume = nullptr)
      : server(std::move(server_side), ticket_keys(), speaks, name, to_client),
        client(std::move(client_side), nullptr, offers, name, to_server, resume) {}

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

// ---- Clients with certificates.

// Issued by openssl: authorities whose leaves are for clients.
class ClientCertificates : public testing::Test {
 protected:
  ClientCertificates() {
    const auto made = folder_.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out "
        "ca.pem -subj '/CN=clients' -days 9");
    EXPECT_EQ(made.status, 0) << made.output;
  }

  // A certificate of the authority, with this subject and these extensions.
  Pair issue(const std::string& subject, const std::string& extensions, int days = 9) const {
    folder_.write("ext", extensions);
    const auto made = folder_.run(
        "openssl req -utf8 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key "
        "-out csr -subj '" +
        subject + "' && openssl x509 -req -in csr -CA ca.pem -CAkey ca.key -CAcreateserial -days " +
        std::to_string(days) + " -extfile ext -out cert");
    EXPECT_EQ(made.status, 0) << made.output;
    return *read_pair(folder_.path("cert"), folder_.path("key"));
  }

  std::shared_ptr<const Context> server(Version min = Version::Tls12) const {
    const Pair pair = *authority().issue("app.localhost", std::time(nullptr));
    return *Context::server(pair.chain_pem, pair.key_pem, min, folder_.read("ca.pem"));
  }

  static std::shared_ptr<const Context> client(const Pair& shown) {
    return *Context::client({.ca_pem = authority().pair().chain_pem,
                             .chain_pem = shown.chain_pem,
                             .key_pem = shown.key_pem});
  }

  // Why the server refuses it; empty when it does not.
  std::string refusal(const Pair& shown) const {
    Talk talk(server(), client(shown));
    talk.carry();
    return std::string(talk.server.failure());
  }

  test::Folder folder_;
};

constexpr const char* kForClients = "extendedKeyUsage=clientAuth";

TEST_F(ClientCertificates, the_name_of_a_verified_client_is_known) {
  const Pair alice = issue("/O=people/CN=alice", kForClients);
  Talk talk(server(), client(alice));
  talk.carry();
  ASSERT_EQ(talk.server.state(), Session::State::Open) << talk.server.failure();
  EXPECT_EQ(talk.server.peer_name(), "alice");
  EXPECT_EQ(talk.server.client_ca(), digest_of(folder_.read("ca.pem")));
}

TEST_F(ClientCertificates, a_client_without_one_hears_it_and_so_does_the_log) {
  Talk talk(server());
  talk.carry();
  EXPECT_EQ(talk.server.state(), Session::State::Failed);
  EXPECT_EQ(talk.server.failure(),
            "app.localhost asks its clients for a certificate: there is no certificate");
  EXPECT_EQ(talk.client.failure(), "the peer sent the alert certificate_required");
}

TEST_F(ClientCertificates, one_that_does_not_verify_is_refused) {
  const std::string asks = "app.localhost asks its clients for a certificate: the certificate ";
  EXPECT_EQ(refusal(issue("/CN=late", kForClients, -1)), asks + "has expired");
  EXPECT_EQ(refusal(issue("/CN=server", "extendedKeyUsage=serverAuth")),
            asks + "is not for this use (extended key usage)");
  EXPECT_EQ(refusal(*authority().issue("app.localhost", std::time(nullptr))),
            asks + "is of an unknown authority");
}

TEST_F(ClientCertificates, the_holder_is_the_common_name_else_the_alternative_name) {
  const std::pair<std::pair<std::string, std::string>, std::string> cases[] = {
      {{"/CN=alice smith", kForClients}, "alice smith"},
      {{"/CN=100%", kForClients}, "100%25"},
      {{"/CN=m\xc3\xbc"
        "ller",
        kForClients},
       "m%C3%BCller"},
      {{"/CN=alice/O=x/CN=bob", kForClients}, "bob"},
      {{"/O=\x06\x03\x55\x04\x03\x0c\x05"
        "admin/CN=alice",
        kForClients},
       "alice"},
      {{"/CN=alice", "subjectAltName=DNS:other.test"}, "alice"},
      {{"/O=x", "subjectAltName=DNS:first.test,DNS:second.test"}, "first.test"},
      {{"/O=x", "subjectAltName=IP:10.0.0.9"}, "10.0.0.9"},
      {{"/O=x", "subjectAltName=email:alice@example.com"}, "alice@example.com"},
      {{"/O=x", "subjectAltName=URI:spiffe://example.com/web"}, "spiffe://example.com/web"},
      {{"/O=x", kForClients}, ""},
  };
  for (const auto& [certificate, name] : cases) {
    Talk talk(server(), client(issue(certificate.first, certificate.second)));
    talk.carry();
    EXPECT_EQ(talk.server.state(), Session::State::Open) << talk.server.failure();
    EXPECT_EQ(talk.server.peer_name(), name) << certificate.first << certificate.second;
  }
}

TEST_F(ClientCertificates, no_session_is_resumed_past_the_check) {
  const auto client_side = client(issue("/CN=alice", kForClients));
  const Pair pair = *authority().issue("app.localhost", std::time(nullptr));
  const auto open_to_all = *Context::server(pair.chain_pem, pair.key_pem, Version::Tls12);
  Talk open(open_to_all, client_side);
  open.carry();
  const Resumption of_the_open_site = open.client.take_resumption();
  ASSERT_NE(of_the_open_site.session, nullptr);

  const auto asking =
      *Context::server(pair.chain_pem, pair.key_pem, Version::Tls12, folder_.read("ca.pem"));
  Talk talk(asking, client_side, "app.localhost", "http/1.1", "http/1.1", &of_the_open_site);
  talk.carry();
  EXPECT_EQ(talk.server.peer_name(), "alice") << talk.server.failure();
  EXPECT_FALSE(talk.server.resumed());
  EXPECT_EQ(talk.client.take_resumption().session, nullptr);
}

TEST_F(ClientCertificates, authorities_that_cannot_be_used_are_explained) {
  const Pair leaf = issue("/CN=alice", kForClients);
  const std::string ca = folder_.read("ca.pem");
  EXPECT_TRUE(inspect_authorities(ca + ca).has_value());
  EXPECT_EQ(inspect_authorities("").error(),
            "there is no certificate in it: it must be PEM text with a line "
            "-----BEGIN CERTIFICATE-----");
  EXPECT_EQ(
      inspect_authorities(leaf.key_pem).error(),
      "there is no certificate in it, but a private key: the two files may have been swapped");
  EXPECT_EQ(inspect_authorities(ca + leaf.chain_pem).error(),
            "certificate 2 (\"alice\") is not an authority's: it may not sign others");
  EXPECT_TRUE(
      inspect_authorities(ca + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
          .error()
          .starts_with("in certificate 2: "));
}

// ---- Sessions that a client resumes.

Talk resumed_by(const std::shared_ptr<const Context>& server, const Resumption& resume) {
  return Talk(server, client_context(), "app.localhost", "http/1.1", "http/1.1", &resume);
}

TEST(TlsResumption, a_client_goes_on_with_a_session_any_number_of_times) {
  const auto server = server_context("app.localhost");
  Talk first(server);
  first.carry();
  EXPECT_FALSE(first.client.resumed());
  const Resumption resume = first.client.take_resumption();
  ASSERT_NE(resume.session, nullptr);
  EXPECT_EQ(first.client.take_resumption().session, nullptr);

  for (int i = 0; i < 3; ++i) {
    Talk again = resumed_by(server, resume);
    again.carry();
    EXPECT_TRUE(again.client.resumed() && again.server.resumed()) << i;
    again.client.write("hello");
    again.carry();
    EXPECT_EQ(again.at_server, "hello");
    const Resumption next = again.client.take_resumption();
    ASSERT_NE(next.session, nullptr);
    EXPECT_EQ(next.verified_at, resume.verified_at);
  }
}

TEST(TlsResumption, a_session_that_the_server_does_not_know_becomes_a_full_handshake) {
  Talk first(server_context("app.localhost"));
  first.carry();
  const Resumption resume = first.client.take_resumption();
  Talk again = resumed_by(server_context("app.localhost"), resume);
  again.carry();
  ASSERT_EQ(again.client.state(), Session::State::Open) << again.client.failure();
  EXPECT_FALSE(again.client.resumed());
  EXPECT_NE(again.client.take_resumption().session, nullptr);
}

TEST(TlsResumption, a_certificate_is_looked_at_again_after_hours) {
  const auto server = server_context("app.localhost");
  Talk first(server);
  first.carry();
  Resumption resume = first.client.take_resumption();
  resume.verified_at -= kResumeSecondsMax + 1;
  Talk again = resumed_by(server, resume);
  again.carry();
  EXPECT_FALSE(again.client.resumed());
  EXPECT_GE(again.client.take_resumption().verified_at, resume.verified_at + kResumeSecondsMax);
}

TEST(TlsContext, a_pair_that_cannot_be_used_is_refused) {
  const Pair pair = *authority().issue("app.localhost", std::time(nullptr));
  EXPECT_FALSE(Context::server("", pair.key_pem, Version::Tls12).has_value());
  EXPECT_FALSE(Context::server(pair.chain_pem, "", Version::Tls12).has_value());
}

}  // namespace
}  // namespace tls
