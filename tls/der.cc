// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/der.h"

#include <array>
#include <ctime>

#include "engine/base/check.h"

namespace tls::der {
namespace {

constexpr std::uint8_t kBoolean = 0x01, kInteger = 0x02, kBitString = 0x03, kOctetString = 0x04;
constexpr std::uint8_t kOid = 0x06, kUtf8String = 0x0c, kUtcTime = 0x17, kGeneralizedTime = 0x18;
constexpr std::uint8_t kSequence = 0x30, kSet = 0x31, kContext = 0x80, kConstructed = 0x20;

std::string joined(Parts parts) {
  std::string out;
  for (std::string_view part : parts) out += part;
  return out;
}

void append_base128(std::string& out, std::uint32_t value) {
  for (int shift = 28; shift > 0; shift -= 7) {
    if (value >> shift != 0) out += static_cast<char>(0x80 | ((value >> shift) & 0x7f));
  }
  out += static_cast<char>(value & 0x7f);
}

}  // namespace

std::string element(std::uint8_t tag, std::string_view content) {
  const std::size_t length = content.size();
  ENSURE(length <= 0xffff, "longer than any element of our certificates");
  std::string out(1, static_cast<char>(tag));
  if (length > 0xff) {
    out += {'\x82', static_cast<char>(length >> 8), static_cast<char>(length & 0xff)};
  } else if (length > 0x7f) {
    out += {'\x81', static_cast<char>(length)};
  } else {
    out += static_cast<char>(length);
  }
  return out.append(content);
}

std::string sequence(Parts elements) { return element(kSequence, joined(elements)); }

// DER sorts a set's elements; with one there is nothing to sort.
std::string set(std::string_view only_element) { return element(kSet, only_element); }

std::string context(std::uint8_t number, Parts elements) {
  return element(kContext | kConstructed | number, joined(elements));
}

std::string context_primitive(std::uint8_t number, std::string_view content) {
  return element(kContext | number, content);
}

std::string boolean_true() { return element(kBoolean, "\xff"); }

std::string integer(std::string_view magnitude) {
  while (!magnitude.empty() && magnitude.front() == '\0') magnitude.remove_prefix(1);
  // A set top bit would mean a negative number.
  const bool pad = magnitude.empty() || (magnitude.front() & 0x80) != 0;
  return element(kInteger, std::string(pad ? 1 : 0, '\0').append(magnitude));
}

std::string oid(std::initializer_list<std::uint32_t> arcs) {
  ENSURE(arcs.size() >= 2, "the first two arcs share a byte");
  const std::uint32_t* arc = arcs.begin();
  std::string content;
  append_base128(content, arc[0] * 40 + arc[1]);
  for (std::size_t i = 2; i < arcs.size(); ++i) append_base128(content, arc[i]);
  return element(kOid, content);
}

std::string octet_string(std::string_view bytes) { return element(kOctetString, bytes); }

std::string bit_string(std::string_view bytes, std::uint8_t unused_bits) {
  return element(kBitString, std::string(1, static_cast<char>(unused_bits)).append(bytes));
}

std::string utf8_string(std::string_view text) { return element(kUtf8String, text); }

std::string time(std::int64_t unix_seconds) {
  const std::time_t seconds = unix_seconds;
  std::tm parts{};
  ENSURE(::gmtime_r(&seconds, &parts) != nullptr, "a year that fits its type");
  const int year = parts.tm_year + 1900;
  ENSURE(year >= 1950 && year <= 9999, "a year that a certificate can say");

  const bool utc = year < 2050;
  std::array<char, 32> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), utc ? "%y%m%d%H%M%SZ" : "%Y%m%d%H%M%SZ", &parts);
  return element(utc ? kUtcTime : kGeneralizedTime, {text.data(), size});
}

}  // namespace tls::der
