// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/pem.h"

#include <unistd.h>

#include <algorithm>

#include "tests/unit/tls/support.h"

namespace tls {
namespace {

using test::now;

constexpr std::int64_t kDay = 86'400;

// Certificates made by openssl: what people bring.
class PemTest : public testing::Test {
 protected:
  void run(const std::string& command) {
    const test::Outcome outcome = folder_.run(command);
    ASSERT_EQ(outcome.status, 0) << command << ": " << outcome.output;
  }
  // cert.pem and key.pem, self-signed.
  void make(const std::string& options, const std::string& key =
                                            "ec -pkeyopt "
                                            "ec_paramgen_curve:P-256") {
    run("openssl req -x509 -nodes -days 9 -keyout key.pem -out cert.pem -newkey " + key + " " +
        options);
  }
  Pair pair() { return {folder_.read("cert.pem"), folder_.read("key.pem")}; }
  CertificateInfo info() {
    const std::expected<CertificateInfo, std::string> result = inspect(pair(), now() + 60);
    EXPECT_TRUE(result) << result.error();
    return result.value_or(CertificateInfo{});
  }
  static std::string error_of(const Pair& pair) {
    const std::expected<CertificateInfo, std::string> result = inspect(pair, now() + 60);
    return result ? "no error" : result.error();
  }

  test::Folder folder_;
};

TEST_F(PemTest, names_are_those_of_the_alternative_name_and_nothing_else) {
  make(
      "-subj /CN=other.example -addext 'subjectAltName=DNS:Example.com,IP:192.0.2.7,"
      "DNS:*.example.com,IP:2001:db8::1,email:a@example.com'");

  EXPECT_EQ(info().names,
            (std::vector<std::string>{"*.example.com", "192.0.2.7", "2001:db8::1", "example.com"}));
}

TEST_F(PemTest, common_name_counts_only_without_alternative_names) {
  make("-subj /CN=Old.example");
  EXPECT_EQ(info().names, std::vector<std::string>{"old.example"});

  make("-subj /CN=old.example -addext subjectAltName=email:a@example.com");
  EXPECT_EQ(info().names, std::vector<std::string>{});
}

TEST_F(PemTest, subject_and_issuer_are_common_names) {
  make("-subj '/C=DE/O=Some CA/CN=One/OU=x'");
  EXPECT_EQ(info().subject, "One");
  EXPECT_EQ(info().issuer, "One");

  make("-subj '/O=nobody'");
  EXPECT_EQ(info().subject, "");

  make("-subj \"/CN=$(printf 'a\\033[31mb')\"");
  EXPECT_EQ(info().subject, "a?[31mb") << "what ends up on a terminal";
}

TEST_F(PemTest, usual_kinds_of_keys_are_accepted) {
  for (const char* key : {"rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-384",
                          "ec -pkeyopt ec_paramgen_curve:P-521", "ed25519"}) {
    make("-subj /CN=a.example", key);
    EXPECT_EQ(error_of(pair()), "no error") << key;
  }
}

TEST_F(PemTest, old_forms_of_key_files_are_accepted) {
  make("-subj /CN=a.example");
  run("openssl ec -in key.pem -out old.pem");
  EXPECT_EQ(error_of({folder_.read("cert.pem"), folder_.read("old.pem")}), "no error");

  run("openssl ecparam -name prime256v1 > both.pem && cat old.pem >> both.pem");
  EXPECT_EQ(error_of({folder_.read("cert.pem"), folder_.read("both.pem")}), "no error");

  make("-subj /CN=a.example", "rsa:2048");
  run("openssl rsa -traditional -in key.pem -out old.pem");
  EXPECT_EQ(error_of({folder_.read("cert.pem"), folder_.read("old.pem")}), "no error");
}

TEST_F(PemTest, one_file_may_hold_the_key_and_the_chain) {
  make("-subj /CN=a.example");
  run("cat key.pem cert.pem > both.pem");

  const std::string both = folder_.read("both.pem");
  EXPECT_EQ(error_of({both, both}), "no error");
}

TEST_F(PemTest, chain_starts_with_the_certificate_of_the_key) {
  make("-subj /CN=ca.example");
  run("mv cert.pem ca.pem");
  make("-subj /CN=a.example");
  run("cat cert.pem ca.pem > right.pem && cat ca.pem cert.pem > wrong.pem");

  EXPECT_EQ(error_of({folder_.read("right.pem"), folder_.read("key.pem")}), "no error");
  EXPECT_EQ(error_of({folder_.read("wrong.pem"), folder_.read("key.pem")}),
            "the private key does not belong to the certificate, which must be the first in its "
            "file");
}

TEST_F(PemTest, key_of_another_kind_does_not_belong_to_the_certificate) {
  make("-subj /CN=a.example", "rsa:2048");
  run("mv key.pem rsa.pem");
  make("-subj /CN=a.example");

  EXPECT_NE(error_of({folder_.read("cert.pem"), folder_.read("rsa.pem")}), "no error");
}

TEST_F(PemTest, error_says_what_is_in_the_file_instead) {
  make("-subj /CN=a.example");
  const Pair good = pair();

  EXPECT_EQ(error_of({"", good.key_pem}),
            "there is no certificate in it: it must be PEM text with a line "
            "-----BEGIN CERTIFICATE-----");
  EXPECT_EQ(error_of({good.chain_pem, "hello"}),
            "there is no private key in it: it must be PEM text with a line "
            "-----BEGIN PRIVATE KEY-----");
  EXPECT_EQ(
      error_of({good.key_pem, good.chain_pem}),
      "there is no certificate in it, but a private key: the two files may have been swapped");
  EXPECT_EQ(
      error_of({good.chain_pem, good.chain_pem}),
      "there is no private key in it, but a certificate: the two files may have been swapped");
}

TEST_F(PemTest, damage_is_an_error_wherever_it_is) {
  make("-subj /CN=a.example");
  const Pair good = pair();
  std::string cut = good.chain_pem;
  cut.resize(cut.size() / 2);
  std::string second = good.chain_pem + good.chain_pem;
  second.replace(good.chain_pem.size() + 60, 40, 40, 'A');
  std::string key = good.key_pem;
  key.replace(40, 40, 40, 'A');

  EXPECT_NE(error_of({cut, good.key_pem}), "no error");
  EXPECT_TRUE(error_of({second, good.key_pem}).starts_with("in certificate 2 of the chain: "));
  EXPECT_NE(error_of({good.chain_pem, key}), "no error");
  for (std::size_t size = 0; size < good.chain_pem.size(); size += 7) {
    EXPECT_NE(error_of({good.chain_pem.substr(0, size), good.key_pem}), "no error") << size;
  }
}

TEST_F(PemTest, encrypted_keys_are_named_as_such) {
  make("-subj /CN=a.example");
  run("openssl pkcs8 -topk8 -in key.pem -passout pass:x -out new.pem");
  run("openssl ec -in key.pem -aes128 -passout pass:x -out old.pem");

  for (const char* file : {"new.pem", "old.pem"}) {
    EXPECT_NE(error_of({folder_.read("cert.pem"), folder_.read(file)}).find("is encrypted"),
              std::string::npos)
        << file;
  }
}

TEST_F(PemTest, expiry_is_told_but_is_no_error) {
  make("-subj /CN=a.example");
  const std::int64_t end = info().not_after;
  const std::expected<CertificateInfo, std::string> late = inspect(pair(), end + kDay);

  ASSERT_TRUE(late) << late.error();
  EXPECT_TRUE(late->expired(end + 1));
  EXPECT_FALSE(late->expired(end)) << "the last second belongs to it";
  EXPECT_NEAR(static_cast<double>(end - now()), 9.0 * kDay, 60);
}

TEST_F(PemTest, certificate_of_the_future_is_an_error_with_its_date) {
  make("-subj /CN=a.example");
  const std::int64_t start = info().not_before;

  EXPECT_TRUE(inspect(pair(), start));
  const std::expected<CertificateInfo, std::string> early = inspect(pair(), start - 1);
  ASSERT_FALSE(early);
  EXPECT_TRUE(early.error().starts_with("the certificate is not valid before 20")) << early.error();
}

TEST_F(PemTest, pair_is_read_from_two_files) {
  folder_.write("a", "chain");
  folder_.write("b", "key");
  const std::expected<Pair, std::string> read = read_pair(folder_.path("a"), folder_.path("b"));

  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->chain_pem, "chain");
  EXPECT_EQ(read->key_pem, "key");
}

TEST_F(PemTest, file_that_cannot_be_read_is_named_with_the_reason) {
  folder_.write("a", "chain");
  const std::string there = folder_.path("a"), missing = folder_.path("b");
  const std::string folder = folder_.path();

  EXPECT_EQ(read_pair(missing, there).error(),
            "cannot read " + missing + ": No such file or directory");
  EXPECT_EQ(read_pair(there, missing).error(),
            "cannot read " + missing + ": No such file or directory");
  EXPECT_EQ(read_pair(there, folder).error(), "cannot read " + folder + ": it is not a file");
  run("mkfifo pipe");
  EXPECT_EQ(read_pair(there, folder_.path("pipe")).error(),
            "cannot read " + folder_.path("pipe") + ": it is not a file");
}

TEST_F(PemTest, files_have_at_most_a_mebibyte) {
  folder_.write("most", std::string(1 << 20, 'x'));
  folder_.write("more", std::string((1 << 20) + 1, 'x'));
  const std::string more = folder_.path("more");

  EXPECT_TRUE(read_pair(folder_.path("most"), folder_.path("most")));
  EXPECT_EQ(read_pair(more, more).error(), "cannot read " + more + ": it is larger than 1 MiB");
}

TEST(Pair, key_is_wiped_when_its_pair_goes_away) {
  const std::string key(100, 'k');
  alignas(Pair) unsigned char place[sizeof(Pair)];
  Pair* pair = new (place) Pair("chain", "short key");  // kept within the string itself
  const char* text = pair->key_pem.data();
  ASSERT_EQ(*text, 's');
  pair->~Pair();

  EXPECT_EQ(std::count(text, text + 9, '\0'), 9);
}

TEST(Pair, assigning_leaves_no_key_behind) {
  Pair one("a", "key of one"), other("b", "key of the other");
  one = other;
  EXPECT_EQ(one.key_pem, "key of the other");
  one = std::move(other);
  EXPECT_EQ(one.chain_pem, "b");
}

}  // namespace
}  // namespace tls
