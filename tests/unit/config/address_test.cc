// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/address.h"

#include <gtest/gtest.h>

namespace config {
namespace {

TEST(Address, listener_is_a_port_with_or_without_an_address) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {":80", ":80"},
      {"8080", ":8080"},
      {"127.0.0.1:8080", "127.0.0.1:8080"},
      {":0", ":0"},
      {"[0::1]:8080", "[::1]:8080"},
      {":65535", ":65535"}};
  for (const auto& [written, shown] : cases) {
    auto listener = parse_listener(written);
    ASSERT_TRUE(listener) << written;
    EXPECT_EQ(listener->text(), shown);
  }
}

TEST(Address, listener_without_a_host_means_every_address) {
  EXPECT_EQ(parse_listener(":80")->host, "");
}

TEST(Address, listener_on_a_name_is_refused_with_the_numbers_to_write) {
  auto listener = parse_listener("localhost:81");

  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().message, "\"localhost\" is not an address of this machine");
  EXPECT_EQ(listener.error().hint, "write \":81\" for every address, or \"127.0.0.1:81\"");
}

TEST(Address, listener_that_is_none_is_refused) {
  for (std::string_view written : {"", ":", "a", "127.0.0.1", "[::1]", ":65536", ":-1", "::1:80",
                                   "[::1:80", "[::1]x:80", "1.2.3:80", "*:80", ":80x", "unix:/x"}) {
    EXPECT_FALSE(parse_listener(written)) << written;
  }
}

TEST(Address, network_is_an_address_or_a_block) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"127.0.0.1", "127.0.0.1/32"},      {"10.0.0.0/8", "10.0.0.0/8"}, {"0.0.0.0/0", "0.0.0.0/0"},
      {"2001:db8::/32", "2001:db8::/32"}, {"::1", "::1/128"},           {"::/0", "::/0"}};
  for (const auto& [written, shown] : cases) {
    auto network = parse_network(written);
    ASSERT_TRUE(network) << written;
    EXPECT_EQ(network->text(), shown);
  }
}

TEST(Address, network_with_bits_beyond_its_prefix_is_refused_with_the_block_meant) {
  auto network = parse_network("10.1.2.3/8");

  ASSERT_FALSE(network);
  EXPECT_EQ(network.error().message, "\"10.1.2.3/8\" has bits beyond its prefix length");
  EXPECT_EQ(network.error().hint, "write \"10.0.0.0/8\"");
}

TEST(Address, network_that_is_none_is_refused) {
  for (std::string_view written : {"", "x", "10.0.0/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
                                   "::/129", "::1%lo", "[::1]"}) {
    EXPECT_FALSE(parse_network(written)) << written;
  }
}

}  // namespace
}  // namespace config
