// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/trust.h"

#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>

namespace engine::route {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

constexpr std::uint8_t kMappedBits = 96;
constexpr Bytes kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<Bytes> ip_bytes(const Address& address) noexcept {
  Bytes bytes = kMappedPrefix;
  if (address.family() == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address.storage, sizeof v4);
    std::memcpy(bytes.data() + 12, &v4.sin_addr, 4);
    return bytes;
  }
  if (address.family() == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address.storage, sizeof v6);
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return bytes;
  }
  return std::nullopt;
}

bool same_prefix(const Bytes& a, const Bytes& b, unsigned bits) noexcept {
  const std::size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin()))
    return false;
  if (bits % 8 == 0) return true;
  const unsigned mask = 0xff00U >> (bits % 8);
  return ((a[whole] ^ b[whole]) & mask & 0xff) == 0;
}

// Without a sign and without leading zeros, so that nobody reads it as octal.
std::optional<unsigned> parse_bits(std::string_view text, unsigned max) {
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (error != std::errc{} || end != text.data() + text.size() || bits > max) return std::nullopt;
  return bits;
}

}  // namespace

bool TrustList::add(std::string_view range) {
  const std::size_t slash = range.find('/');
  Address address;
  if (!Address::parse_ip(range.substr(0, slash), 0, address)) return false;
  const unsigned bits_max = address.family() == AF_INET ? 32 : 128;
  unsigned bits = bits_max;
  if (slash != std::string_view::npos) {
    const auto given = parse_bits(range.substr(slash + 1), bits_max);
    if (!given) return false;
    bits = *given;
  }
  if (bits_max == 32) bits += kMappedBits;
  ranges_.push_back({*ip_bytes(address), static_cast<std::uint8_t>(bits)});
  return true;
}

bool TrustList::contains(const Address& peer) const noexcept {
  if (ranges_.empty()) return false;
  const std::optional<Bytes> bytes = ip_bytes(peer);
  if (!bytes) return false;
  // Who trusts "::/0" did not say that IPv4 is trusted.
  const bool v4 = same_prefix(*bytes, kMappedPrefix, kMappedBits);
  return std::ranges::any_of(ranges_, [&](const Range& range) {
    return !(v4 && range.prefix_bits < kMappedBits) &&
           same_prefix(*bytes, range.bytes, range.prefix_bits);
  });
}

}  // namespace engine::route
