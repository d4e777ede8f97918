// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/certificates.h"

#include <gtest/gtest.h>

#include <ctime>

#include "tls/authority.h"

namespace engine::route {
namespace {

Certificates::Context some_context() {
  static const tls::Authority authority = *tls::Authority::create(std::time(nullptr));
  const tls::Pair pair = *authority.issue("a.test", std::time(nullptr));
  return *tls::Context::server(pair.chain_pem, pair.key_pem, tls::Version::Tls12);
}

TEST(Certificates, the_name_itself_goes_before_a_wildcard) {
  const auto exact = some_context(), wildcard = some_context();
  Certificates certificates;
  certificates.add("a.example.com", exact);
  certificates.add("*.example.com", wildcard);
  EXPECT_EQ(certificates.find("a.example.com"), exact);
  EXPECT_EQ(certificates.find("b.example.com"), wildcard);
}

TEST(Certificates, a_wildcard_stands_for_one_label) {
  Certificates certificates;
  certificates.add("*.example.com", some_context());
  for (const char* name :
       {"example.com", "a.b.example.com", ".example.com", "com", "", "aexample.com"})
    EXPECT_EQ(certificates.find(name), nullptr) << name;
}

TEST(Certificates, the_first_of_two_for_a_name_stays) {
  const auto first = some_context();
  Certificates certificates;
  certificates.add("a.test", first);
  certificates.add("a.test", some_context());
  EXPECT_EQ(certificates.find("a.test"), first);
}

// Of the hosts "secret.test", "*.secret.test" and "[::1]", with one that is open among them.
std::shared_ptr<const Table> client_cas() {
  return std::make_shared<const Table>(std::vector<Site>{{"secret.test", "/", 1},
                                                         {"*.secret.test", "/", 2},
                                                         {"open.secret.test", "/", 0},
                                                         {"[::1]", "/", 1}});
}

TEST(Certificates, the_host_decides_whose_certificate_a_client_must_show) {
  const Certificates certificates(client_cas());
  EXPECT_EQ(certificates.client_ca_of("secret.test"), 1U);
  EXPECT_EQ(certificates.client_ca_of("a.b.secret.test"), 2U);
  EXPECT_EQ(certificates.client_ca_of("open.secret.test"), 0U);
  EXPECT_EQ(certificates.client_ca_of("::1"), 1U);
  EXPECT_EQ(certificates.client_ca_of("other.test"), 0U);
  EXPECT_EQ(Certificates().client_ca_of("secret.test"), 0U);
}

TEST(Certificates, a_host_that_asks_never_gets_a_context_that_does_not) {
  const auto open = some_context(), asks = some_context();
  Certificates certificates(client_cas());
  certificates.add("*.secret.test", open);
  certificates.set_fallback(open);
  EXPECT_EQ(certificates.find("open.secret.test"), open);
  EXPECT_EQ(certificates.fallback("other.test"), open);
  EXPECT_EQ(certificates.find("a.secret.test"), nullptr);
  EXPECT_EQ(certificates.fallback("a.secret.test"), nullptr);

  certificates.add("*.secret.test", asks, 2);
  certificates.set_fallback(asks, 2);
  EXPECT_EQ(certificates.find("a.secret.test"), asks);
  EXPECT_EQ(certificates.fallback("a.b.secret.test"), asks);
  EXPECT_EQ(certificates.fallback("secret.test"), nullptr);
}

TEST(Certificates, only_local_names_are_issued_and_only_when_wished) {
  Certificates certificates;
  EXPECT_FALSE(certificates.issues("app.localhost"));
  certificates.set_issues_locally(true);
  EXPECT_TRUE(certificates.issues("app.localhost"));
  EXPECT_TRUE(certificates.issues("127.0.0.1"));
  EXPECT_FALSE(certificates.issues("www.example.com"));
  EXPECT_FALSE(certificates.issues("10.0.0.1"));
}

}  // namespace
}  // namespace engine::route
