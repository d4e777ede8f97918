// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/trust.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace engine::route {
namespace {

TrustList trusting(std::initializer_list<std::string_view> ranges) {
  TrustList list;
  for (const std::string_view range : ranges) EXPECT_TRUE(list.add(range)) << range;
  return list;
}

bool trusts(const TrustList& list, std::string_view peer) {
  Address address;
  EXPECT_TRUE(Address::parse_ip(peer, 12345, address)) << peer;
  return list.contains(address);
}

TEST(Trust, nobody_is_trusted_by_default) {
  EXPECT_TRUE(TrustList().empty());
  EXPECT_FALSE(trusts(TrustList(), "127.0.0.1"));
  EXPECT_FALSE(trusts(TrustList(), "::1"));
}

TEST(Trust, an_address_without_a_prefix_is_that_address_alone) {
  EXPECT_TRUE(trusts(trusting({"127.0.0.1"}), "127.0.0.1"));
  EXPECT_FALSE(trusts(trusting({"127.0.0.1"}), "127.0.0.0"));
  EXPECT_FALSE(trusts(trusting({"127.0.0.1"}), "127.0.0.2"));
  EXPECT_FALSE(trusts(trusting({"::1"}), "::2"));
}

TEST(Trust, a_prefix_counts_to_the_bit) {
  // 10.0.17.0 and 10.0.16.0 first differ in bit 24, counted from 1.
  for (const auto& [range, inside] : {std::pair{"10.0.16.0/22", true},
                                      {"10.0.16.0/23", true},
                                      {"10.0.16.0/24", false},
                                      {"10.0.16.0/25", false}}) {
    EXPECT_EQ(trusts(trusting({range}), "10.0.17.0"), inside) << range;
  }
  for (const auto& [range, inside] :
       {std::pair{"2001:db8::/47", true}, {"2001:db8::/48", false}, {"2001:db8::/49", false}}) {
    EXPECT_EQ(trusts(trusting({range}), "2001:db8:1::"), inside) << range;
  }
}

TEST(Trust, both_ends_of_a_range_are_inside_and_their_neighbours_are_not) {
  const TrustList list = trusting({"172.16.0.0/12", "2001:db8:8000::/33"});
  EXPECT_TRUE(trusts(list, "172.16.0.0"));
  EXPECT_TRUE(trusts(list, "172.31.255.255"));
  EXPECT_FALSE(trusts(list, "172.15.255.255"));
  EXPECT_FALSE(trusts(list, "172.32.0.0"));
  EXPECT_TRUE(trusts(list, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"));
  EXPECT_FALSE(trusts(list, "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"));
}

TEST(Trust, bits_behind_the_prefix_do_not_matter) {
  EXPECT_TRUE(trusts(trusting({"10.1.2.3/8"}), "10.200.0.1"));
}

TEST(Trust, an_ipv4_mapped_peer_counts_as_ipv4_both_ways) {
  EXPECT_TRUE(trusts(trusting({"10.0.0.0/8"}), "::ffff:10.1.2.3"));
  EXPECT_FALSE(trusts(trusting({"10.0.0.0/8"}), "::ffff:11.1.2.3"));
  EXPECT_TRUE(trusts(trusting({"::ffff:10.0.0.0/104"}), "10.1.2.3"));
  EXPECT_FALSE(trusts(trusting({"10.0.0.0/8"}), "::10.1.2.3"));
}

TEST(Trust, everybody_of_one_family_says_nothing_about_the_other) {
  EXPECT_TRUE(trusts(trusting({"0.0.0.0/0"}), "203.0.113.9"));
  EXPECT_FALSE(trusts(trusting({"0.0.0.0/0"}), "2001:db8::1"));
  EXPECT_TRUE(trusts(trusting({"::/0"}), "2001:db8::1"));
  EXPECT_FALSE(trusts(trusting({"::/0"}), "203.0.113.9"));
  EXPECT_FALSE(trusts(trusting({"::/0"}), "::ffff:203.0.113.9"));
}

TEST(Trust, a_unix_peer_is_in_no_range) {
  Address peer;
  ASSERT_TRUE(Address::from_unix_path("/run/a.sock", peer));
  EXPECT_FALSE(trusting({"0.0.0.0/0", "::/0"}).contains(peer));
}

TEST(Trust, what_is_no_range_is_refused_and_adds_nothing) {
  TrustList list;
  for (const char* range : {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1",
                            "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/8 ", "10.0.0.0/8/8", "10.0.0/8",
                            "localhost", "10.0.0.0/256", "10.0.0.0/4294967304", "10.0.0.0/x"}) {
    EXPECT_FALSE(list.add(range)) << range;
  }
  EXPECT_TRUE(list.empty());
  EXPECT_TRUE(list.add("10.0.0.0/32") && list.add("::/128") && list.add("0.0.0.0/0"));
}

TEST(Trust, lists_of_the_same_ranges_are_equal) {
  EXPECT_EQ(trusting({"10.0.0.0/8", "::1"}), trusting({"10.0.0.0/8", "::1"}));
  EXPECT_FALSE(trusting({"10.0.0.0/8"}) == trusting({"10.0.0.0/9"}));
}

}  // namespace
}  // namespace engine::route
