// SPDX-License-Identifier: GPL-3.0-or-later
// One test per rule about the PROXY protocol header.
#include "engine/http/proxy_header.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace engine::http {
namespace {

using namespace std::string_literals;
using Status = ProxyHeaderStatus;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kInetBlock = "\xc0\x00\x02\x01\xc0\x00\x02\x0b\xdc\x04\x01\xbb"s;
const std::string kInet6Block = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01" +
                                "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x02" +
                                "\xff\xff\x00\x00"s;

std::string v2(char command, char family, const std::string& block) {
  const std::size_t size = block.size();
  return kSignature + command + family + static_cast<char>(size >> 8) + static_cast<char>(size) +
         block;
}

// Names of octets that a message can show.
std::string shown(std::string_view bytes) {
  std::string out;
  for (const char c : bytes.substr(0, 120)) {
    const bool plain = c >= ' ' && c <= '~';
    out += plain ? std::string(1, c) : "<" + std::to_string(static_cast<unsigned char>(c)) + ">";
  }
  return out;
}

// The result of the shortest part that has one; every longer part must have the same. Each part is
// a copy of its own, so that a sanitizer sees a read behind its end.
ProxyHeaderResult parse(const std::string& bytes) {
  ProxyHeaderResult first;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const std::vector<char> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const ProxyHeaderResult result = parse_proxy_header({part.data(), part.size()});
    if (first.status == Status::Incomplete) first = result;
    EXPECT_EQ(result.status, first.status) << shown(bytes) << " at " << size;
    EXPECT_EQ(result.why, first.why) << shown(bytes) << " at " << size;
    EXPECT_EQ(result.header.bytes, first.header.bytes) << shown(bytes) << " at " << size;
  }
  EXPECT_EQ(first.why.empty(), first.status != Status::Bad) << shown(bytes);
  return first;
}

std::string why(const std::string& bytes) {
  const ProxyHeaderResult result = parse(bytes);
  return result.status == Status::Bad ? std::string(result.why) : "(not bad)";
}

std::string address(const ProxyHeader& header, const std::array<std::uint8_t, 16>& octets) {
  std::array<char, INET6_ADDRSTRLEN> text;
  return inet_ntop(header.is_v6 ? AF_INET6 : AF_INET, octets.data(), text.data(), text.size());
}

std::string ends(const ProxyHeader& header) {
  return address(header, header.source) + " " + std::to_string(header.source_port) + " > " +
         address(header, header.destination) + " " + std::to_string(header.destination_port);
}

TEST(ProxyHeader, a_line_of_version_1_gives_both_ends_of_the_connection) {
  struct Case {
    const char* line;
    const char* ends;
  };
  for (const Case& one : std::vector<Case>{
           {"TCP4 192.0.2.1 192.0.2.11 56324 443", "192.0.2.1 56324 > 192.0.2.11 443"},
           {"TCP4 0.0.0.0 255.255.255.255 0 65535", "0.0.0.0 0 > 255.255.255.255 65535"},
           {"TCP6 2001:db8::1 ::1 1 2", "2001:db8::1 1 > ::1 2"},
           {"TCP6 :: 1:2:3:4:5:6:7:8 1 2", ":: 1 > 1:2:3:4:5:6:7:8 2"},
           {"TCP6 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1 2", "1:2:3:4:5:6:7:0 1 > 0:2:3:4:5:6:7:8 2"},
           {"TCP6 2001:0DB8:0000:0000:0000:0000:0000:0001 ABCD::ef 1 2",
            "2001:db8::1 1 > abcd::ef 2"},
           {"TCP6 ::ffff:192.0.2.1 64:ff9b::192.0.2.2 1 2",
            "::ffff:192.0.2.1 1 > 64:ff9b::c000:202 2"},
           {"TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
            "65535 65535",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 > "
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535"}}) {
    const std::string line = "PROXY "s + one.line + "\r\n";
    const ProxyHeaderResult result = parse(line + "GET / HTTP/1.1\r\n");

    ASSERT_EQ(result.status, Status::Complete) << line;
    EXPECT_EQ(result.header.bytes, line.size());
    EXPECT_TRUE(result.header.has_addresses);
    EXPECT_EQ(result.header.is_v6, line.contains("TCP6"));
    EXPECT_EQ(ends(result.header), one.ends);
  }
}

TEST(ProxyHeader, every_part_of_a_good_header_is_incomplete) {
  for (const std::string& header :
       {"PROXY TCP4 192.0.2.1 10.20.30.255 56324 443\r\n"s,
        "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 56324 443\r\n"s,
        "PROXY TCP6 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7:: 0 0\r\n"s,
        "PROXY TCP6 1:2:3:4:5:6:1.2.3.4 ffff:ffff:ffff:ffff:ffff:ffff:255.1.2.3 1 2\r\n"s,
        "PROXY UNKNOWN\r\n"s, "PROXY UNKNOWN a\rb\nc\0d\r\n"s, v2(0x21, 0x11, kInetBlock),
        v2(0x21, 0x21, kInet6Block + "\x04\x00\x01x"s), v2(0x20, 0x00, "")}) {
    for (std::size_t size = 0; size < header.size(); ++size) {
      EXPECT_EQ(parse_proxy_header(header.substr(0, size)).status, Status::Incomplete)
          << shown(header.substr(0, size));
    }
    EXPECT_EQ(parse(header).status, Status::Complete) << shown(header);
    EXPECT_EQ(parse(header + header).header.bytes, header.size()) << shown(header);
  }
}

TEST(ProxyHeader, what_does_not_start_with_a_signature_is_something_else) {
  for (const std::string& bytes :
       {"G"s, "PROX "s, "PROPFIND / HTTP/1.1\r\n"s, "proxy TCP4"s, " PROXY TCP4"s, "\n"s,
        "\r\n\r\nGET / HTTP/1.1\r\n"s, "\r\n\r\n\0\r\nQUIT\r"s, "\x16\x03\x01"s}) {
    EXPECT_EQ(parse(bytes).status, Status::None) << shown(bytes);
  }
}

TEST(ProxyHeader, a_line_that_cannot_become_a_header_is_bad_at_its_first_wrong_octet) {
  // The '|' stands before the octet that makes it so.
  for (std::string text : {"PROXY|X TCP4 ",
                           "PROXY|\r\n",
                           "PROXY | TCP4 ",
                           "PROXY |GET / HTTP/1.1\r\n",
                           "PROXY T|cp4 ",
                           "PROXY |tcp4 ",
                           "PROXY TCP|5 ",
                           "PROXY TCP4|\r\n",
                           "PROXY UNKNOWN|X\r\n",
                           "PROXY UNKNOWN\r|x\r\n",
                           "PROXY UNKNOWN|\n",
                           "PROXY TCP4 | 1.2.3.4",
                           "PROXY TCP4 25|6.0.0.1 ",
                           "PROXY TCP4 0|1.2.3.4 ",
                           "PROXY TCP4 1.2.3.0|0 ",
                           "PROXY TCP4 1.|.2.3 ",
                           "PROXY TCP4 1.2.3| 1.2.3.4 ",
                           "PROXY TCP4 1.2.3.4|.5 ",
                           "PROXY TCP4 |:",
                           "PROXY TCP4 |-1.2.3.4",
                           "PROXY TCP4 1.2.3.4 | 1.2.3.4 1 2\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.4|\t",
                           "PROXY TCP4 1.2.3.4|\r\n",
                           "PROXY TCP6 1|.2.3.4 ",
                           "PROXY TCP6 :|1",
                           "PROXY TCP6 1::2:|:",
                           "PROXY TCP6 ::|: ",
                           "PROXY TCP6 1234|5::",
                           "PROXY TCP6 ::|g",
                           "PROXY TCP6 ::1|%eth0 ",
                           "PROXY TCP6 |[::1] ",
                           "PROXY TCP6 1:2:3:4:5:6:7:8|:9",
                           "PROXY TCP6 1:2:3:4:5:6:7| ::",
                           "PROXY TCP6 1:2:3:4:5:6:7:1|.2.3.4 ",
                           "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:255.2|5.1.1 ",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 | 1 2\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 |+1",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 |-1",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 0|1",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 6553|6",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 65535|0",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 1|\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 1 |\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 1 2| ",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 1 2|\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r|\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 1 0|x1"}) {
    const std::size_t wrong = text.find('|');
    text.erase(wrong, 1);

    EXPECT_EQ(parse(text).status, Status::Bad) << shown(text);
    EXPECT_EQ(parse(text.substr(0, wrong + 1)).status, Status::Bad) << shown(text);
    EXPECT_EQ(parse(text.substr(0, wrong)).status, Status::Incomplete) << shown(text);
  }
}

TEST(ProxyHeader, a_nul_does_not_end_an_address) {
  EXPECT_EQ(why("PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n"s), "bad address");
  EXPECT_EQ(why("PROXY TCP6 ::\0 :: 1 2\r\n"s), "bad address");
}

TEST(ProxyHeader, an_unknown_connection_has_no_addresses_whatever_the_line_says) {
  for (const std::string& line :
       {"PROXY UNKNOWN\r\n"s, "PROXY UNKNOWN \r\n"s, "PROXY UNKNOWN 1.2.3.4 1.2.3.4 1 2\r\n"s,
        "PROXY UNKNOWN \r\r\r\n"s, "PROXY UNKNOWN \0\n\xff\r\n"s}) {
    const ProxyHeaderResult result = parse(line + "\r\nGET");
    EXPECT_EQ(result.status, Status::Complete) << shown(line);
    EXPECT_EQ(result.header.bytes, line.size()) << shown(line);
    EXPECT_FALSE(result.header.has_addresses);
  }
}

TEST(ProxyHeader, a_line_ends_within_107_octets) {
  const std::string start = "PROXY UNKNOWN ";
  const std::string fits = start + std::string(105 - start.size(), 'x');

  EXPECT_EQ(parse(fits).status, Status::Incomplete);
  EXPECT_EQ(parse(fits + "\r").status, Status::Incomplete);
  EXPECT_EQ(parse(fits + "\r\n").header.bytes, 107U);
  EXPECT_EQ(why(fits + "x"), "line too long");
  EXPECT_EQ(why(fits + "x\r\n"), "line too long");
  EXPECT_EQ(why(fits + "\r\r\n"), "line too long");
}

TEST(ProxyHeader, version_2_gives_both_ends_of_the_connection) {
  const ProxyHeaderResult inet = parse(v2(0x21, 0x11, kInetBlock) + "GET");
  ASSERT_EQ(inet.status, Status::Complete);
  EXPECT_EQ(inet.header.bytes, 28U);
  EXPECT_TRUE(inet.header.has_addresses);
  EXPECT_FALSE(inet.header.is_v6);
  EXPECT_EQ(ends(inet.header), "192.0.2.1 56324 > 192.0.2.11 443");

  const ProxyHeaderResult inet6 = parse(v2(0x21, 0x21, kInet6Block) + "GET");
  ASSERT_EQ(inet6.status, Status::Complete);
  EXPECT_EQ(inet6.header.bytes, 52U);
  EXPECT_TRUE(inet6.header.has_addresses);
  EXPECT_TRUE(inet6.header.is_v6);
  EXPECT_EQ(ends(inet6.header), "2001:db8::1 65535 > 2001:db8::2 0");
}

TEST(ProxyHeader, local_and_other_families_have_no_addresses) {
  const std::string unix_block(216, '/');
  for (const std::string& header :
       {v2(0x20, 0x00, ""), v2(0x20, 0x11, kInetBlock), v2(0x20, 0x11, ""), v2(0x20, '\xff', "x"),
        v2(0x21, 0x00, ""), v2(0x21, 0x00, "abc"), v2(0x21, 0x01, ""), v2(0x21, 0x10, kInetBlock),
        v2(0x21, 0x12, kInetBlock), v2(0x21, 0x22, kInet6Block), v2(0x21, 0x31, unix_block),
        v2(0x21, 0x32, unix_block)}) {
    const ProxyHeaderResult result = parse(header + "GET");
    EXPECT_EQ(result.status, Status::Complete) << shown(header);
    EXPECT_EQ(result.header.bytes, header.size()) << shown(header);
    EXPECT_FALSE(result.header.has_addresses) << shown(header);
  }
}

TEST(ProxyHeader, version_2_with_an_undefined_octet_is_bad_at_that_octet) {
  EXPECT_EQ(why(kSignature + "\x11"), "bad version");
  EXPECT_EQ(why(kSignature + "\x31"), "bad version");
  EXPECT_EQ(why(kSignature + "\x22"), "bad command");
  EXPECT_EQ(why(kSignature + "\x2f"), "bad command");
  EXPECT_EQ(why(kSignature + "\x21\x41"), "bad address family");
  EXPECT_EQ(why(kSignature + "\x21\xf1"), "bad address family");
  EXPECT_EQ(why(kSignature + "\x21\x13"), "bad protocol");
}

TEST(ProxyHeader, the_length_of_version_2_covers_the_addresses) {
  EXPECT_EQ(why(v2(0x21, 0x11, std::string(11, 'x'))), "length shorter than the addresses");
  EXPECT_EQ(why(v2(0x21, 0x12, std::string(11, 'x'))), "length shorter than the addresses");
  EXPECT_EQ(why(v2(0x21, 0x21, std::string(35, 'x'))), "length shorter than the addresses");
  EXPECT_EQ(why(v2(0x21, 0x31, std::string(215, 'x'))), "length shorter than the addresses");
}

TEST(ProxyHeader, what_follows_the_addresses_is_skipped_up_to_4096_octets_in_all) {
  const std::string most = v2(0x21, 0x11, kInetBlock + std::string(4096 - 28, 't'));
  ASSERT_EQ(most.size(), kProxyHeaderBytesMax);

  EXPECT_EQ(parse(most).header.bytes, 4096U);
  EXPECT_EQ(ends(parse(most).header), "192.0.2.1 56324 > 192.0.2.11 443");
  EXPECT_EQ(parse(most.substr(0, 4095)).status, Status::Incomplete);
  EXPECT_EQ(why(kSignature + "\x21\x11\x0f\xf1"), "header too long");
  EXPECT_EQ(why(kSignature + "\x21\x11\x10"), "header too long");
  EXPECT_EQ(why(kSignature + "\x20\xff\xff"), "header too long");
}

}  // namespace
}  // namespace engine::http
