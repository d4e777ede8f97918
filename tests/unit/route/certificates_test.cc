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
