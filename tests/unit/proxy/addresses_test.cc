// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/addresses.h"

#include <gtest/gtest.h>

namespace engine::proxy {
namespace {

TEST(Addresses, a_field_names_a_client_by_its_address_perhaps_with_a_port) {
  const struct {
    std::string_view value, address;
    std::uint16_t port;
  } kCases[] = {
      {"192.0.2.7", "192.0.2.7", 0},
      {"192.0.2.7:4711", "192.0.2.7", 4711},
      {"2001:db8::7", "2001:db8::7", 0},
      {"[2001:db8::7]", "2001:db8::7", 0},
      {"[2001:db8::7]:4711", "2001:db8::7", 4711},
      {"::ffff:192.0.2.7", "::ffff:192.0.2.7", 0},
  };
  for (const auto& c : kCases) {
    const auto client = named_client(c.value);
    ASSERT_TRUE(client) << c.value;
    EXPECT_EQ(client->address, c.address);
    EXPECT_EQ(client->port, c.port);
  }
}

TEST(Addresses, what_is_no_address_names_nobody) {
  for (const std::string_view value :
       {"", "unknown", "a.test", "192.0.2.7, 10.0.0.1", "192.0.2", "192.0.2.7:99999", "192.0.2.7:x",
        "2001:db8::7]:80", "[2001:db8::7", "[192.0.2.7]", "1.2.3.4 ", "2001:db8::7%eth0"}) {
    EXPECT_FALSE(named_client(value)) << value;
  }
}

}  // namespace
}  // namespace engine::proxy
