// SPDX-License-Identifier: GPL-3.0-or-later
// One test per rule about looking at a ClientHello.
#include "tls/client_hello.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace tls {
namespace {

using namespace std::string_literals;

std::string number(std::size_t value, int octets) {
  std::string out;
  for (int i = octets - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
  return out;
}

std::string vector(int length_octets, const std::string& content) {
  return number(content.size(), length_octets) + content;
}

std::string extension(std::size_t type, const std::string& content) {
  return number(type, 2) + vector(2, content);
}

std::string server_name(const std::string& name) {
  return extension(0, vector(2, "\0"s + vector(2, name)));
}

// Everything before the extensions' length.
std::string start_of_body(const std::string& session_id = "",
                          const std::string& ciphers = "\x13\x01",
                          const std::string& compressions = "\0"s) {
  return "\x03\x03" + std::string(32, 'r') + vector(1, session_id) + vector(2, ciphers) +
         vector(1, compressions);
}

std::string message(const std::string& body) { return "\x01" + vector(3, body); }

std::string record(const std::string& fragment) { return "\x16\x03\x01" + vector(2, fragment); }

std::string hello(const std::string& extensions) {
  return record(message(start_of_body() + vector(2, extensions)));
}

// One message in as many records as it takes.
std::string records(const std::string& message, std::size_t fragment_bytes) {
  std::string out;
  for (std::size_t at = 0; at < message.size(); at += fragment_bytes)
    out += record(message.substr(at, fragment_bytes));
  return out;
}

struct Peeked {
  HelloStatus status;
  std::string name, why;
  bool operator==(const Peeked&) const = default;
};

void PrintTo(const Peeked& peeked, std::ostream* out) {
  *out << static_cast<int>(peeked.status) << " '" << peeked.name << "' " << peeked.why;
}

// A copy of its own, so that a sanitizer sees a read behind its end.
Peeked peek_once(std::string_view bytes) {
  const std::vector<char> copy(bytes.begin(), bytes.end());
  std::string storage = "left from before";
  const ClientHello hello = peek_client_hello({copy.data(), copy.size()}, storage);
  return {hello.status, std::string(hello.server_name), std::string(hello.why)};
}

// The result of the shortest part that has one; every longer part must have the same.
Peeked peek(const std::string& bytes) {
  Peeked first{.status = HelloStatus::Incomplete};
  const std::size_t step = bytes.size() < 2000 ? 1 : 97;
  for (std::size_t size = 0;; size = std::min(size + step, bytes.size())) {
    const Peeked result = peek_once(std::string_view(bytes).substr(0, size));
    if (first.status == HelloStatus::Incomplete) first = result;
    EXPECT_EQ(result, first) << "at " << size;
    if (size == bytes.size()) break;
  }
  EXPECT_EQ(first.why.empty(), first.status != HelloStatus::Bad);
  return first;
}

std::string why(const std::string& bytes) {
  const Peeked result = peek(bytes);
  return result.status == HelloStatus::Bad ? result.why : "(not bad)";
}

const Peeked kIncomplete{.status = HelloStatus::Incomplete};
const Peeked kNoName{.status = HelloStatus::Complete};

Peeked named(const std::string& name) { return {.status = HelloStatus::Complete, .name = name}; }

// What OpenSSL 3.0 sends for `s_client -servername App.localhost -curves X25519`.
std::string openssl_hello() {
  const std::string_view hex =
      "1603010128010001240303ced5de92fdfc94d5af2eaeaa2ae75a7025968637674f602a5d440fd2fb4652af2004"
      "271e3f03c9488f8a56b5c190e6dd45ad9f23462061cc29664a68606f190c0d003e130213031301c02cc030009f"
      "cca9cca8ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c00"
      "35002f00ff0100009d00000012001000000d4170702e6c6f63616c686f7374000b000403000102000a00040002"
      "001d002300000016000000170000000d002a0028040305030603080708080809080a080b080408050806040105"
      "010601030303010302040205020602002b0009080304030303020301002d00020101003300260024001d0020eb"
      "ceafce69408ae1bfbfa692f1179f495f064b284823868edf03221a29725d20";
  std::string out;
  for (std::size_t at = 0; at < hex.size(); at += 2)
    out += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
  return out;
}

TEST(ClientHello, the_name_of_a_real_client_is_found_in_lower_case) {
  EXPECT_EQ(peek(openssl_hello()), named("app.localhost"));
  EXPECT_EQ(peek(openssl_hello() + "anything"), named("app.localhost"));
}

TEST(ClientHello, every_part_of_a_good_hello_is_incomplete) {
  const std::string whole = openssl_hello();
  const std::string split = records(whole.substr(5), 50);
  for (const std::string& bytes : {whole, split}) {
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_EQ(peek_once(bytes.substr(0, size)), kIncomplete) << size;
  }
}

TEST(ClientHello, a_hello_may_be_split_over_records_anywhere) {
  const std::string whole = openssl_hello().substr(5);
  for (std::size_t size = 1; size <= whole.size(); ++size) {
    EXPECT_EQ(peek_once(records(whole, size)), named("app.localhost")) << size;
    EXPECT_EQ(peek_once(record(whole.substr(0, size)) + records(whole.substr(size), 300)),
              named("app.localhost"))
        << size;
  }
}

TEST(ClientHello, the_name_is_in_the_storage) {
  std::string storage;
  const std::string bytes = records(openssl_hello().substr(5), 100);
  const ClientHello hello = peek_client_hello(bytes, storage);
  EXPECT_EQ(hello.server_name.data(), storage.data());
  EXPECT_EQ(storage, "app.localhost");
}

TEST(ClientHello, a_hello_without_a_name_is_complete) {
  EXPECT_EQ(peek(record(message(start_of_body()))), kNoName);
  EXPECT_EQ(peek(hello("")), kNoName);
  EXPECT_EQ(peek(hello(extension(0xff01, "\0"s))), kNoName);
}

TEST(ClientHello, the_name_is_found_between_other_extensions) {
  EXPECT_EQ(peek(hello(extension(23, "") + server_name("b.test") + extension(16, "abc"))),
            named("b.test"));
}

TEST(ClientHello, a_record_that_cannot_hold_a_hello_is_bad_at_once) {
  EXPECT_EQ(why("G"), "not a handshake record");
  EXPECT_EQ(why("\x80"), "not a handshake record");
  EXPECT_EQ(why("\x17"), "not a handshake record");
  EXPECT_EQ(why("\x16\x02"), "bad record version");
  EXPECT_EQ(why("\x16\x04"), "bad record version");
  EXPECT_EQ(peek("\x16\x03\x09"), kIncomplete);
  EXPECT_EQ(why("\x16\x03\x01\0\0"s), "bad record length");
  EXPECT_EQ(peek("\x16\x03\x01\0\x01"s), kIncomplete);
  EXPECT_EQ(peek("\x16\x03\x01\x40\0"s), kIncomplete);
  EXPECT_EQ(why("\x16\x03\x01\x40\x01"s), "bad record length");
  EXPECT_EQ(why("\x16\x03\x01\0\x10\x02"s), "not a ClientHello");
}

TEST(ClientHello, a_later_record_keeps_to_the_same_rules) {
  const std::string first = record(openssl_hello().substr(5, 100));
  EXPECT_EQ(why(first + "\x17"), "not a handshake record");
  EXPECT_EQ(why(first + "\x15\x03\x03\0\x02\x01\0"s), "not a handshake record");
  EXPECT_EQ(why(first + "\x16\x02"), "bad record version");
  EXPECT_EQ(why(first + "\x16\x03\x01\0\0"s), "bad record length");
}

TEST(ClientHello, nothing_shares_the_last_record_with_the_hello) {
  const std::string whole = message(start_of_body());
  EXPECT_EQ(peek(record(whole)), kNoName);
  EXPECT_EQ(why(record(whole + "x")), "more than the ClientHello in its record");
  EXPECT_EQ(why(record(whole.substr(0, 20)) + record(whole.substr(20) + "x")),
            "more than the ClientHello in its record");
}

TEST(ClientHello, the_fields_keep_to_their_ranges) {
  const auto body = [](const std::string& bytes) { return record(message(bytes)); };
  EXPECT_EQ(peek(body(start_of_body(std::string(32, 's')))), kNoName);
  EXPECT_EQ(why(body(start_of_body(std::string(33, 's')))), "session id too long");
  EXPECT_EQ(why(body(start_of_body("", ""))), "bad list of ciphers");
  EXPECT_EQ(why(body(start_of_body("", "abc"))), "bad list of ciphers");
  EXPECT_EQ(why(body(start_of_body("", "ab", ""))), "no compression method");
}

TEST(ClientHello, a_body_cut_anywhere_is_bad) {
  const std::string body = start_of_body("sid") + vector(2, server_name("a.test"));
  const std::size_t no_extensions = start_of_body("sid").size();
  for (std::size_t size = 0; size < body.size(); ++size) {
    const bool whole = size == no_extensions;
    EXPECT_EQ(peek(record(message(body.substr(0, size)))).status,
              whole ? HelloStatus::Complete : HelloStatus::Bad)
        << size;
  }
}

TEST(ClientHello, lengths_nest_exactly) {
  const std::string good = server_name("a.test");
  const auto extensions = [](const std::string& bytes) {
    return record(message(start_of_body() + bytes));
  };
  EXPECT_EQ(peek(extensions(vector(2, good))), named("a.test"));
  EXPECT_EQ(why(extensions(vector(2, good) + "x")), "bad length of the extensions");
  EXPECT_EQ(why(extensions(number(good.size() + 1, 2) + good)), "bad length of the extensions");
  EXPECT_EQ(why(hello(good + "\0\0\0"s)), "bad length of an extension");
  EXPECT_EQ(why(hello("\0\x17\0\x01"s)), "bad length of an extension");
  EXPECT_EQ(why(hello(extension(0, vector(2, "\0"s + vector(2, "a")) + "x"))),
            "bad length in server_name");
  EXPECT_EQ(why(hello(extension(0, number(5, 2) + "\0"s + vector(2, "a")))),
            "bad length in server_name");
  EXPECT_EQ(why(hello(extension(0, vector(2, "\0"s + number(2, 2) + "a")))),
            "bad length in server_name");
  EXPECT_EQ(why(hello(extension(0, ""))), "bad length in server_name");
  EXPECT_EQ(why(hello(extension(0, vector(2, "")))), "bad length in server_name");
}

TEST(ClientHello, there_is_one_name_at_most) {
  const std::string a = "\0"s + vector(2, "a");
  EXPECT_EQ(why(hello(server_name("a") + server_name("a"))), "two server_name extensions");
  EXPECT_EQ(why(hello(server_name("a") + extension(23, "") + extension(0, ""))),
            "two server_name extensions");
  EXPECT_EQ(why(hello(extension(0, vector(2, a + a)))), "server_name is not one host name");
  EXPECT_EQ(why(hello(extension(0, vector(2, "\x01" + vector(2, "a"))))),
            "server_name is not one host name");
}

TEST(ClientHello, a_name_is_letters_digits_hyphens_underscores_and_single_dots) {
  for (const std::string& good : {"a"s, "a-b_c.0"s, "192.0.2.1"s, "-"s, std::string(255, 'x')})
    EXPECT_EQ(peek(hello(server_name(good))), named(good));
  EXPECT_EQ(peek(hello(server_name("AZ.Test"))), named("az.test"));

  for (const std::string& bad :
       {""s, "."s, "a."s, ".a"s, "a..b"s, "a b"s, "a\0"s, "a/b"s, "a:1"s, "::1"s, "*.a"s, "a@b"s,
        "a[b"s, "a`b"s, "a{b"s, "\xc3\xa4"s, "a\r\n"s, std::string(256, 'x')})
    EXPECT_EQ(why(hello(server_name(bad))), "bad host name in server_name") << bad;
}

TEST(ClientHello, a_hello_ends_within_16_KiB_of_the_connection) {
  const std::size_t overhead = hello(extension(21, "")).size();
  const auto padded = [&](std::size_t size) {
    return hello(extension(21, std::string(size - overhead, '\0')));
  };
  EXPECT_EQ(peek(padded(kClientHelloBytesMax)), kNoName);
  EXPECT_EQ(peek(padded(kClientHelloBytesMax) + "x"), kNoName);
  EXPECT_EQ(why(padded(kClientHelloBytesMax + 1)), "ClientHello too long");
  EXPECT_EQ(why(padded(kClientHelloBytesMax + 1).substr(0, 9)), "ClientHello too long");
}

TEST(ClientHello, record_headers_count_towards_the_16_KiB) {
  const auto split_to = [](std::size_t size) {
    const std::size_t fixed = message(start_of_body() + vector(2, extension(21, ""))).size();
    const std::string padding(size - fixed - 10, '\0');
    const std::string whole = message(start_of_body() + vector(2, extension(21, padding)));
    return record(whole.substr(0, 100)) + record(whole.substr(100));
  };
  ASSERT_EQ(split_to(kClientHelloBytesMax).size(), kClientHelloBytesMax);
  EXPECT_EQ(peek(split_to(kClientHelloBytesMax)), kNoName);
  EXPECT_EQ(peek_once(split_to(kClientHelloBytesMax).substr(0, kClientHelloBytesMax - 1)),
            kIncomplete);
  EXPECT_EQ(why(split_to(kClientHelloBytesMax + 1)), "ClientHello too long");
  EXPECT_EQ(why(split_to(kClientHelloBytesMax + 1).substr(0, kClientHelloBytesMax)),
            "ClientHello too long");
}

}  // namespace
}  // namespace tls
