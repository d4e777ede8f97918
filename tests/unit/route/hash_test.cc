// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/hash.h"

#include <gtest/gtest.h>

#include <bit>
#include <string>
#include <unordered_set>

namespace engine::route {
namespace {

TEST(Hash, every_octet_of_every_length_counts) {
  for (std::size_t size = 1; size <= 70; ++size) {
    const std::string text(size, 'a');
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = text;
      other[at] = 'b';
      ASSERT_NE(hash_bytes(kPublicSecret, text, 0), hash_bytes(kPublicSecret, other, 0))
          << size << " " << at;
    }
  }
}

TEST(Hash, the_length_the_seed_and_the_secret_count) {
  std::unordered_set<std::uint64_t> seen;
  for (std::size_t size = 0; size <= 70; ++size) {
    const std::string zeros(size, '\0');
    seen.insert(hash_bytes(kPublicSecret, zeros, 0));
    seen.insert(hash_bytes(kPublicSecret, zeros, 1));
    seen.insert(hash_bytes(process_secret(), zeros, 0));
  }

  EXPECT_EQ(seen.size(), 3U * 71U);
}

TEST(Hash, similar_names_differ_in_about_half_of_the_bits) {
  int bits = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto a = hash_bytes(kPublicSecret, "host-" + std::to_string(i) + ".example.com", 0);
    const auto b = hash_bytes(kPublicSecret, "host-" + std::to_string(i + 1) + ".example.com", 0);
    bits += std::popcount(a ^ b);
  }

  EXPECT_NEAR(bits / 1000.0, 32.0, 1.0);
}

TEST(Hash, fnv1a_gives_the_numbers_of_its_authors) {
  EXPECT_EQ(fnv1a_32(""), 0x811c9dc5U);
  EXPECT_EQ(fnv1a_32("a"), 0xe40c292cU);
  EXPECT_EQ(fnv1a_32("foobar"), 0xbf9cf968U);
}

TEST(Hash, the_process_keeps_its_secret) {
  EXPECT_EQ(process_secret().words, process_secret().words);
  EXPECT_NE(process_secret().words, kPublicSecret.words);
}

}  // namespace
}  // namespace engine::route
