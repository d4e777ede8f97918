// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/authority.h"

#include <wolfssl/options.h>
// The options come first.
#include <wolfssl/ssl.h>

#include "tests/unit/tls/support.h"

namespace tls {
namespace {

using test::now;

Authority made_authority() {
  std::expected<Authority, std::string> made = Authority::create(now());
  EXPECT_TRUE(made) << made.error();
  return std::move(*made);
}

// The CA and one leaf as files, for openssl.
class AuthorityTest : public testing::Test {
 protected:
  AuthorityTest() {
    folder_.write("ca.pem", authority_.pair().chain_pem);
    folder_.write("ca-key.pem", authority_.pair().key_pem);
  }
  Pair issue(std::string_view name) {
    std::expected<Pair, std::string> leaf = authority_.issue(name, now());
    EXPECT_TRUE(leaf) << leaf.error();
    folder_.write("leaf.pem", leaf->chain_pem);
    folder_.write("leaf-key.pem", leaf->key_pem);
    return *leaf;
  }
  // A leaf by openssl with the CA's key, for a name that issue() would refuse.
  void forge(const std::string& alternative_name) {
    folder_.write("ext", "subjectAltName=" + alternative_name + "\n");
    const test::Outcome outcome = folder_.run(
        "openssl req -new -newkey rsa:2048 -nodes -keyout forged-key.pem -subj '/CN=a b' -out r && "
        "openssl x509 -req -in r -CA ca.pem -CAkey ca-key.pem -days 9 -extfile ext -out leaf.pem");
    EXPECT_EQ(outcome.status, 0) << outcome.output;
  }
  test::Outcome verify(const std::string& options = "") {
    return folder_.run("openssl verify -x509_strict -CAfile ca.pem " + options + " leaf.pem");
  }
  std::string text_of(const std::string& file) {
    return folder_.run("openssl x509 -noout -text -in " + file).output;
  }

  Authority authority_ = made_authority();
  test::Folder folder_;
};

TEST(LocalName, only_names_that_stay_on_the_machine_or_its_network_are_local) {
  for (const char* name :
       {"localhost", "app.localhost", "a.b.c.localhost", "*.app.localhost", "*.localhost",
        "my_app.test", "x-1.internal", "127.0.0.1", "127.255.255.254", "::1"}) {
    EXPECT_TRUE(is_local_name(name)) << name;
  }
  for (const char* name : {"",
                           "example.com",
                           "localhost.com",
                           "xlocalhost",
                           "test",
                           "internal",
                           ".test",
                           "a..test",
                           "app.localhost.",
                           "App.localhost",
                           "a.*.test",
                           "**.test",
                           "*",
                           "*.",
                           "128.0.0.1",
                           "127.0.0.1.",
                           "127.1",
                           "127.0.0.01",
                           "::2",
                           "::ffff:127.0.0.1",
                           "[::1]",
                           "../x.test",
                           "a/b.test",
                           "a b.test",
                           "a\n.test",
                           "mytest",
                           "example.com/.test"}) {
    EXPECT_FALSE(is_local_name(name)) << name;
  }
  EXPECT_FALSE(is_local_name(std::string_view("127.0.0.1\0.com", 14)));
}

TEST(LocalName, labels_have_63_bytes_and_names_253) {
  EXPECT_TRUE(is_local_name(std::string(63, 'a') + ".test"));
  EXPECT_FALSE(is_local_name(std::string(64, 'a') + ".test"));
  std::string labels;
  for (int i = 0; i < 3; ++i) labels += std::string(63, 'a') + ".";
  EXPECT_TRUE(is_local_name(labels + std::string(56, 'b') + ".test"));
  EXPECT_FALSE(is_local_name(labels + std::string(57, 'b') + ".test"));
}

TEST_F(AuthorityTest, openssl_verifies_what_the_authority_issues) {
  struct Case {
    const char* name;
    const char* option;
  };
  for (const Case& one :
       {Case{"app.localhost", "-verify_hostname app.localhost"},
        Case{"localhost", "-verify_hostname localhost"},
        Case{"*.app.test", "-verify_hostname x.app.test"},
        Case{"a.b.internal", "-verify_hostname a.b.internal"},
        Case{"127.0.0.1", "-verify_ip 127.0.0.1"}, Case{"127.8.9.1", "-verify_ip 127.8.9.1"},
        Case{"::1", "-verify_ip ::1"}}) {
    issue(one.name);
    const test::Outcome outcome = verify(std::string("-purpose sslserver ") + one.option);
    EXPECT_EQ(outcome.status, 0) << one.name << ": " << outcome.output;
  }
}

TEST_F(AuthorityTest, certificate_for_another_name_signed_with_its_key_is_refused) {
  for (const char* name : {"DNS:example.com", "DNS:localhost.com", "IP:10.0.0.1", "IP:::2"}) {
    forge(name);
    const test::Outcome outcome = verify();
    EXPECT_NE(outcome.status, 0) << name;
    EXPECT_NE(outcome.output.find("permitted subtree violation"), std::string::npos)
        << name << ": " << outcome.output;
  }
  forge("DNS:app.localhost");
  EXPECT_EQ(folder_.run("openssl verify -CAfile ca.pem leaf.pem").status, 0)
      << "refused for another reason than its name";
}

TEST_F(AuthorityTest, its_certificate_confines_it) {
  const std::string text = text_of("ca.pem");

  for (const char* line :
       {"X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0",
        "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign",
        "X509v3 Name Constraints: critical\n                Permitted:", "DNS:localhost\n",
        "DNS:test\n", "DNS:internal\n", "IP:127.0.0.0/255.0.0.0",
        "IP:0:0:0:0:0:0:0:1/FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF",
        "X509v3 Subject Key Identifier:", "ecdsa-with-SHA256", "NIST CURVE: P-256"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << " is missing in " << text;
  }
  EXPECT_EQ(authority_.info().subject.substr(0, 16), "engine local CA ");
  EXPECT_EQ(authority_.info().subject.size(), 24u);
  EXPECT_EQ(authority_.info().subject, authority_.info().issuer);
}

TEST_F(AuthorityTest, leaf_is_for_one_name_and_for_servers) {
  issue("app.localhost");
  const std::string text = text_of("leaf.pem");

  for (const char* line :
       {"X509v3 Basic Constraints: critical\n                CA:FALSE",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Extended Key Usage: \n                TLS Web Server Authentication\n",
        "X509v3 Subject Key Identifier:", "X509v3 Authority Key Identifier:",
        "X509v3 Subject Alternative Name: \n                DNS:app.localhost\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << " is missing in " << text;
  }
}

TEST_F(AuthorityTest, leaf_is_valid_from_an_hour_ago_for_90_days) {
  const std::int64_t when = now();
  const std::expected<Pair, std::string> leaf = authority_.issue("127.0.0.1", when);
  ASSERT_TRUE(leaf);

  const std::expected<CertificateInfo, std::string> info = inspect(*leaf, when);
  ASSERT_TRUE(info) << info.error();
  EXPECT_EQ(info->not_before, when - 3600);
  EXPECT_EQ(info->not_after, when + 90 * kDaySeconds);
  EXPECT_EQ(info->names, std::vector<std::string>{"127.0.0.1"});
  EXPECT_EQ(info->issuer, authority_.info().subject);
}

TEST_F(AuthorityTest, no_two_leaves_share_a_serial_number_or_a_key) {
  const Pair one = issue("app.localhost");
  const std::string serial = folder_.run("openssl x509 -noout -serial -in leaf.pem").output;
  const Pair other = issue("app.localhost");

  EXPECT_NE(serial, folder_.run("openssl x509 -noout -serial -in leaf.pem").output);
  EXPECT_NE(one.key_pem, other.key_pem);
}

// Names only: wolfSSL 5.7.2 holds addresses against the DNS constraints, where none can match.
TEST_F(AuthorityTest, wolfssl_verifies_what_the_authority_issues) {
  WOLFSSL_CERT_MANAGER* trust = wolfSSL_CertManagerNew();
  auto bytes = [](const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  };
  const std::string& ca = authority_.pair().chain_pem;
  EXPECT_EQ(wolfSSL_CertManagerLoadCABuffer(trust, bytes(ca), static_cast<long>(ca.size()),
                                            WOLFSSL_FILETYPE_PEM),
            WOLFSSL_SUCCESS);

  for (const char* name : {"app.localhost", "localhost", "*.app.test", "a.b.internal"}) {
    const std::string chain = issue(name).chain_pem;
    EXPECT_EQ(wolfSSL_CertManagerVerifyBuffer(trust, bytes(chain), static_cast<long>(chain.size()),
                                              WOLFSSL_FILETYPE_PEM),
              WOLFSSL_SUCCESS)
        << name;
  }
  wolfSSL_CertManagerFree(trust);
}

TEST_F(AuthorityTest, other_names_are_refused) {
  for (const char* name : {"example.com", "10.0.0.1", "", "../app.test"}) {
    const std::expected<Pair, std::string> leaf = authority_.issue(name, now());
    ASSERT_FALSE(leaf) << name;
    EXPECT_EQ(leaf.error(), kNotLocalName);
  }
}

TEST_F(AuthorityTest, authority_from_an_earlier_start_goes_on_issuing) {
  std::expected<Authority, std::string> again = Authority::from(authority_.pair(), now());
  ASSERT_TRUE(again) << again.error();

  const std::expected<Pair, std::string> leaf = again->issue("app.localhost", now());
  ASSERT_TRUE(leaf) << leaf.error();
  folder_.write("leaf.pem", leaf->chain_pem);
  EXPECT_EQ(verify().status, 0) << verify().output;
  EXPECT_TRUE(authority_.issued(leaf->chain_pem));
}

TEST_F(AuthorityTest, only_its_own_leaves_count_as_issued) {
  EXPECT_TRUE(authority_.issued(issue("app.localhost").chain_pem));
  EXPECT_FALSE(made_authority().issued(issue("app.localhost").chain_pem));
  EXPECT_FALSE(authority_.issued(authority_.pair().chain_pem));
  EXPECT_FALSE(authority_.issued("no certificate"));
}

TEST_F(AuthorityTest, what_is_no_authority_is_refused_with_a_reason) {
  const auto reason = [](Pair pair, std::int64_t when) {
    const std::expected<Authority, std::string> loaded = Authority::from(std::move(pair), when);
    return loaded ? "accepted" : loaded.error();
  };
  const std::int64_t ten_years = 3650 * kDaySeconds;
  const std::int64_t end = authority_.info().not_after;

  EXPECT_NEAR(static_cast<double>(end - now()), static_cast<double>(ten_years), 60);
  EXPECT_EQ(reason(authority_.pair(), end), "accepted");
  EXPECT_EQ(reason(authority_.pair(), end + 1), "the certificate has expired");
  EXPECT_EQ(reason(issue("app.localhost"), now()),
            "the certificate is not one of an authority (CA)");
  EXPECT_NE(reason({authority_.pair().chain_pem, made_authority().pair().key_pem}, now())
                .find("does not belong"),
            std::string::npos);
}

TEST_F(AuthorityTest, authority_made_by_openssl_is_taken_when_its_key_is_of_p256) {
  auto load = [this](const std::string& key_options) {
    const test::Outcome outcome = folder_.run(
        "openssl req -x509 -nodes -days 9 -subj '/O=us/CN=Our CA' -keyout k.pem -out c.pem "
        "-newkey " +
        key_options);
    EXPECT_EQ(outcome.status, 0) << outcome.output;
    return Authority::from({folder_.read("c.pem"), folder_.read("k.pem")}, now());
  };

  const std::expected<Authority, std::string> ours = load("ec -pkeyopt ec_paramgen_curve:P-256");
  ASSERT_TRUE(ours) << ours.error();
  const std::expected<Pair, std::string> leaf = ours->issue("app.localhost", now());
  ASSERT_TRUE(leaf);
  folder_.write("leaf.pem", leaf->chain_pem);
  EXPECT_EQ(folder_.run("openssl verify -CAfile c.pem leaf.pem").status, 0);

  EXPECT_EQ(load("ec -pkeyopt ec_paramgen_curve:P-384").error(),
            "the private key is not of the curve P-256");
  EXPECT_NE(load("rsa:2048").error().find("no readable ECDSA key"), std::string::npos);
}

}  // namespace
}  // namespace tls
