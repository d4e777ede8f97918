// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/target.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstddef>
#include <cstring>
#include <string>

namespace engine::route {
namespace {

Address ip(std::string_view host, std::uint16_t port = 80) {
  Address address;
  EXPECT_TRUE(Address::parse_ip(host, port, address)) << host;
  return address;
}

TEST(Address, ip_literals_are_read_and_written) {
  EXPECT_EQ(ip("127.0.0.1", 80).text(), "127.0.0.1:80");
  EXPECT_EQ(ip("127.0.0.1").family(), AF_INET);
  EXPECT_EQ(ip("127.0.0.1").length, sizeof(sockaddr_in));
  EXPECT_EQ(ip("::1", 65535).text(), "[::1]:65535");
  EXPECT_EQ(ip("[2001:DB8::0:1]", 0).text(), "[2001:db8::1]:0");
  EXPECT_EQ(ip("::1").length, sizeof(sockaddr_in6));
}

TEST(Address, what_is_no_ip_literal_is_refused) {
  Address address;
  for (const std::string_view host :
       {"", "localhost", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "[1.2.3.4]", "[::1", "::1]",
        "1::2::3", "127.0.0.1:80", " 127.0.0.1", "[]"}) {
    EXPECT_FALSE(Address::parse_ip(host, 1, address)) << host;
  }
  EXPECT_FALSE(Address::parse_ip(std::string_view("127.0.0.1\0x", 11), 1, address));
  EXPECT_FALSE(Address::parse_ip(std::string(46, '1'), 1, address));
}

TEST(Address, equality_is_about_meaning_and_not_about_padding) {
  Address padded = ip("10.0.0.1", 80);
  reinterpret_cast<char*>(&padded.storage)[sizeof(sockaddr_in) - 1] = 1;
  EXPECT_EQ(padded, ip("10.0.0.1", 80));
  EXPECT_FALSE(ip("10.0.0.1", 80) == ip("10.0.0.1", 81));
  EXPECT_FALSE(ip("10.0.0.1") == ip("10.0.0.2"));
  EXPECT_FALSE(ip("::1") == ip("::2"));
  EXPECT_FALSE(ip("::ffff:10.0.0.1") == ip("10.0.0.1"));
}

TEST(Address, a_unix_path_fits_up_to_107_octets) {
  Address address;
  EXPECT_TRUE(Address::from_unix_path(std::string(106, 'p'), address));
  EXPECT_TRUE(Address::from_unix_path(std::string(107, 'p'), address));
  EXPECT_EQ(address.text(), "unix:" + std::string(107, 'p'));
  EXPECT_EQ(address.length, sizeof(sockaddr_un));
  EXPECT_FALSE(Address::from_unix_path(std::string(108, 'p'), address));
  EXPECT_FALSE(Address::from_unix_path("", address));
  EXPECT_FALSE(Address::from_unix_path(std::string_view("/a\0b", 4), address));
}

TEST(Address, unix_addresses_are_equal_by_path_whatever_length_the_kernel_reports) {
  Address mine;
  ASSERT_TRUE(Address::from_unix_path("/run/app.sock", mine));
  Address from_kernel = mine;
  from_kernel.length = sizeof(sockaddr_un);
  Address other;
  ASSERT_TRUE(Address::from_unix_path("/run/app2.sock", other));
  EXPECT_EQ(mine, from_kernel);
  EXPECT_FALSE(mine == other);
}

TEST(Address, unnamed_and_abstract_unix_peers_have_a_text) {
  Address unnamed;
  unnamed.storage.ss_family = AF_UNIX;
  unnamed.length = sizeof(sa_family_t);
  Address abstract = unnamed;
  std::memcpy(reinterpret_cast<char*>(&abstract.storage) + offsetof(sockaddr_un, sun_path), "\0bus",
              4);
  abstract.length = offsetof(sockaddr_un, sun_path) + 4;
  EXPECT_EQ(unnamed.text(), "unix:");
  EXPECT_EQ(abstract.text(), "unix:@bus");
  EXPECT_FALSE(unnamed == abstract);
}

TEST(Target, the_key_reads_as_people_write_it) {
  EXPECT_EQ(Target(TargetKind::Tcp, "10.0.0.4", 8080).key(), "10.0.0.4:8080");
  EXPECT_EQ(Target(TargetKind::Tcp, "web-1", 80).key(), "web-1:80");
  EXPECT_EQ(Target(TargetKind::Tcp, "::1", 80).key(), "[::1]:80");
  EXPECT_EQ(Target(TargetKind::Tcp, "[::1]", 80).key(), "[::1]:80");
  EXPECT_EQ(Target(TargetKind::Loopback, "", 3000).key(), "localhost:3000");
  EXPECT_EQ(Target(TargetKind::Unix, "/run/app.sock", 0).key(), "unix:/run/app.sock");
}

TEST(Target, equal_keys_have_equal_hashes) {
  const Target a(TargetKind::Loopback, "", 3000);
  const Target b(TargetKind::Tcp, "localhost", 3000);
  const Target c(TargetKind::Tcp, "localhost", 3001);
  EXPECT_EQ(a.key_hash(), b.key_hash());
  EXPECT_NE(a.key_hash(), c.key_hash());
}

TEST(Target, only_names_other_than_localhost_need_dns) {
  EXPECT_TRUE(Target(TargetKind::Tcp, "web-1", 80).needs_dns());
  EXPECT_TRUE(Target(TargetKind::Tcp, "localhost.example.com", 80).needs_dns());
  EXPECT_FALSE(Target(TargetKind::Tcp, "localhost", 80).needs_dns());
  EXPECT_FALSE(Target(TargetKind::Tcp, "db.LOCALHOST", 80).needs_dns());
  EXPECT_TRUE(Target(TargetKind::Tcp, "notlocalhost", 80).needs_dns());
  EXPECT_FALSE(Target(TargetKind::Tcp, "LocalHost", 80).needs_dns());
  EXPECT_FALSE(Target(TargetKind::Tcp, "10.0.0.1", 80).needs_dns());
  EXPECT_FALSE(Target(TargetKind::Tcp, "[::1]", 80).needs_dns());
  EXPECT_FALSE(Target(TargetKind::Loopback, "", 80).needs_dns());
  EXPECT_FALSE(Target(TargetKind::Unix, "/a", 0).needs_dns());
}

TEST(Target, loopback_and_localhost_are_tried_on_both_families_ipv4_first) {
  for (const Target& target :
       {Target(TargetKind::Loopback, "", 3000), Target(TargetKind::Tcp, "localhost", 3000)}) {
    const Addresses addresses = target.fixed_addresses();
    ASSERT_EQ(addresses.list.size(), 2U);
    EXPECT_EQ(addresses.list[0].text(), "127.0.0.1:3000");
    EXPECT_EQ(addresses.list[1].text(), "[::1]:3000");
    EXPECT_EQ(addresses.failure, "");
  }
}

TEST(Target, an_ip_literal_and_a_socket_path_are_their_own_only_address) {
  const Addresses literal = Target(TargetKind::Tcp, "[::2]", 80).fixed_addresses();
  const Addresses socket = Target(TargetKind::Unix, "/run/a.sock", 0).fixed_addresses();
  ASSERT_EQ(literal.list.size(), 1U);
  EXPECT_EQ(literal.list[0].text(), "[::2]:80");
  ASSERT_EQ(socket.list.size(), 1U);
  EXPECT_EQ(socket.list[0].text(), "unix:/run/a.sock");
}

TEST(Target, a_socket_path_that_is_too_long_is_named_in_the_failure) {
  const std::string path = "/" + std::string(107, 'p');
  const Addresses addresses = Target(TargetKind::Unix, path, 0).fixed_addresses();
  EXPECT_TRUE(addresses.list.empty());
  EXPECT_NE(addresses.failure.find(path), std::string::npos);
}

TEST(TargetDeathTest, asking_a_dns_name_for_fixed_addresses_is_our_own_mistake) {
  EXPECT_DEATH((void)Target(TargetKind::Tcp, "web-1", 80).fixed_addresses(), "needs DNS");
}

}  // namespace
}  // namespace engine::route
