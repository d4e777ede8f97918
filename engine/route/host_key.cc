// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/host_key.h"

#include <cstdint>
#include <cstring>

namespace engine::route {
namespace {

constexpr std::uint64_t kEveryByte = 0x0101010101010101;

// Eight octets at once: sets bit 5 of those in 'A'…'Z', leaves the others (and all above 0x7f)
// alone.
std::uint64_t lower_word(std::uint64_t word) noexcept {
  const std::uint64_t low_bits = word & (kEveryByte * 0x7f);
  const std::uint64_t from_a = low_bits + kEveryByte * (0x80 - 'A');
  const std::uint64_t after_z = low_bits + kEveryByte * (0x7f - 'Z');
  const std::uint64_t upper = (from_a ^ after_z) & ~word & (kEveryByte * 0x80);
  return word | (upper >> 2);
}

void lower_eight(const char* from, char* to) noexcept {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  word = lower_word(word);
  std::memcpy(to, &word, sizeof word);
}

char lower_char(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

void copy_lower(std::string_view from, char* to) noexcept {
  const std::size_t size = from.size();
  if (size < 8) {
    for (std::size_t i = 0; i < size; ++i) to[i] = lower_char(from[i]);
    return;
  }
  for (std::size_t at = 0; at + 8 < size; at += 8) lower_eight(from.data() + at, to + at);
  lower_eight(from.data() + size - 8, to + size - 8);  // overlaps what is done already
}

// From the back: a name rarely ends in a digit, so this mostly looks at one octet.
std::string_view without_port(std::string_view host) noexcept {
  std::size_t end = host.size();
  while (end > 0 && host[end - 1] >= '0' && host[end - 1] <= '9') --end;
  return end > 0 && host[end - 1] == ':' ? host.substr(0, end - 1) : host;
}

}  // namespace

HostKey::HostKey(std::string_view received) noexcept {
  std::string_view name = without_port(received);
  if (name.ends_with('.')) name.remove_suffix(1);
  size_ = name.size();
  if (fits()) copy_lower(name, bytes_.data());
}

}  // namespace engine::route
