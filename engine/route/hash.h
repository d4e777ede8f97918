// SPDX-License-Identifier: GPL-3.0-or-later
// A fast 64-bit hash of short byte strings (the multiply-and-fold scheme of wyhash). With a secret
// that peers do not know they cannot choose names that collide; it is no cryptographic hash.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace engine::route {

struct HashSecret {
  std::array<std::uint64_t, 3> words;
};

// For hashes that have to be the same in every process and after every start.
inline constexpr HashSecret kPublicSecret{
    {0xa0761d6478bd642f, 0xe7037ed1a0b428db, 0x8ebc6af09c88c6e3}};

// Drawn once per process.
[[nodiscard]] const HashSecret& process_secret() noexcept;

// `seed` tells apart the uses of one secret.
[[nodiscard]] std::uint64_t hash_bytes(const HashSecret& secret, std::string_view bytes,
                                       std::uint64_t seed) noexcept;

// The 32-bit hash of Fowler, Noll and Vo (FNV-1a), for where others have to come to the same number.
[[nodiscard]] constexpr std::uint32_t fnv1a_32(std::string_view bytes) noexcept {
  std::uint32_t hash = 0x811c9dc5;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x01000193;
  return hash;
}

}  // namespace engine::route
