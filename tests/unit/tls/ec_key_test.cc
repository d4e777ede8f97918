// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/ec_key.h"

#include "tests/unit/tls/support.h"

namespace tls {
namespace {

// openssl's own ways with the same key.
class EcKeyTest : public testing::Test {
 protected:
  static EcKey loaded(const std::string& pem) {
    std::expected<EcKey, std::string> key = EcKey::from_pem(pem);
    EXPECT_TRUE(key) << key.error();
    return std::move(*key);
  }

  test::Folder folder_;
  EcKey key_ = std::move(*EcKey::generate());
};

TEST_F(EcKeyTest, openssl_accepts_the_signature) {
  folder_.write("key.pem", key_.to_pem());
  folder_.write("message", "to be signed");
  const std::expected<std::string, std::string> signature = key_.sign("to be signed");
  ASSERT_TRUE(signature) << signature.error();
  folder_.write("signature", *signature);

  const test::Outcome outcome = folder_.run(
      "openssl pkey -in key.pem -check -pubout -out public.pem && "
      "openssl dgst -sha256 -verify public.pem -signature signature message");
  EXPECT_EQ(outcome.status, 0) << outcome.output;
}

TEST_F(EcKeyTest, key_is_the_same_after_writing_and_reading) {
  const std::string pem = key_.to_pem();

  EXPECT_TRUE(pem.starts_with("-----BEGIN EC PRIVATE KEY-----\n")) << pem;
  EXPECT_EQ(loaded(pem).to_pem(), pem);
  EXPECT_EQ(loaded(pem).public_point(), key_.public_point());
  EXPECT_EQ(key_.public_point().size(), 65u);
  EXPECT_EQ(key_.public_point()[0], '\x04');
}

TEST_F(EcKeyTest, every_form_of_the_key_is_read) {
  folder_.write("key.pem", key_.to_pem());
  for (const char* command : {"openssl pkcs8 -topk8 -nocrypt -in key.pem -out other.pem",
                              "openssl ec -no_public -in key.pem -out other.pem"}) {
    ASSERT_EQ(folder_.run(command).status, 0);
    EXPECT_EQ(loaded(folder_.read("other.pem")).public_point(), key_.public_point()) << command;
  }
}

TEST_F(EcKeyTest, what_is_no_p256_key_is_an_error) {
  EXPECT_FALSE(EcKey::from_pem(""));
  EXPECT_FALSE(EcKey::from_pem("-----BEGIN EC PRIVATE KEY-----\n"));
  std::string damaged = key_.to_pem();
  damaged.replace(31, 10, 10, 'A');
  EXPECT_FALSE(EcKey::from_pem(damaged));
}

}  // namespace
}  // namespace tls
