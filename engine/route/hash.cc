// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/hash.h"

#include <sys/random.h>

#include <cstddef>
#include <cstring>

#include "engine/base/clock.h"

namespace engine::route {
namespace {

std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <typename Word>
std::uint64_t read(const char* from) noexcept {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

HashSecret draw_secret() noexcept {
  HashSecret secret = kPublicSecret;
  HashSecret drawn{};
  if (getrandom(&drawn, sizeof drawn, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof drawn)) {
    // Only in the first moments of a machine's life: better than a constant.
    drawn.words[0] = static_cast<std::uint64_t>(base::monotonic_now());
    drawn.words[1] = reinterpret_cast<std::uintptr_t>(&drawn);
    drawn.words[2] = static_cast<std::uint64_t>(base::wall_now());
  }
  for (std::size_t i = 0; i < secret.words.size(); ++i) secret.words[i] ^= drawn.words[i];
  return secret;
}

}  // namespace

const HashSecret& process_secret() noexcept {
  static const HashSecret secret = draw_secret();
  return secret;
}

std::uint64_t hash_bytes(const HashSecret& secret, std::string_view bytes,
                         std::uint64_t seed) noexcept {
  const auto& [s0, s1, s2] = secret.words;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t state = fold(seed ^ s0, s1);
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  for (; left > 16; at += 16, left -= 16) {
    state = fold(read<std::uint64_t>(at) ^ s1, read<std::uint64_t>(at + 8) ^ state);
  }
  // The two words overlap where fewer than 16 bytes are left; the length tells such strings apart.
  if (left >= 8) {
    a = read<std::uint64_t>(at);
    b = read<std::uint64_t>(at + left - 8);
  } else if (left >= 4) {
    a = read<std::uint32_t>(at);
    b = read<std::uint32_t>(at + left - 4);
  } else if (left > 0) {
    a = (read<std::uint8_t>(at) << 16) | (read<std::uint8_t>(at + left / 2) << 8) |
        read<std::uint8_t>(at + left - 1);
  }
  return fold(s2 ^ bytes.size(), fold(a ^ s1, b ^ state));
}

}  // namespace engine::route
