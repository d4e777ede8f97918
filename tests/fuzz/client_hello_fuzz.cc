// SPDX-License-Identifier: GPL-3.0-or-later
// ClientHellos: no crash on any bytes, the same result however they are split, over reads or over
// records, and a name that is safe to look up and to log.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "tls/client_hello.h"

namespace {

using tls::HelloStatus;

struct Peeked {
  HelloStatus status;
  std::string name, why;
  bool operator==(const Peeked&) const = default;
};

Peeked peek(std::string_view bytes) {
  // A copy of its own, so that reading past the end is seen.
  const std::vector<char> copy(bytes.begin(), bytes.end());
  std::string storage;
  const tls::ClientHello hello = tls::peek_client_hello({copy.data(), copy.size()}, storage);
  return {hello.status, std::string(hello.server_name), std::string(hello.why)};
}

Peeked peek_in_pieces(std::string_view bytes, std::size_t piece) {
  for (std::size_t size = 0;; size += piece) {
    Peeked result = peek(bytes.substr(0, size));
    if (result.status != HelloStatus::Incomplete || size >= bytes.size()) return result;
  }
}

void check_name(std::string_view name) {
  ENSURE(name.size() <= 255, "a name is too long");
  ENSURE(!name.starts_with('.') && !name.ends_with('.') && !name.contains(".."), "an empty label");
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
  ENSURE(plain, "a name with something else than small letters, digits, hyphens and dots");
}

Peeked try_hello(std::string_view bytes) {
  const Peeked whole = peek(bytes);
  ENSURE(peek_in_pieces(bytes, bytes.size() < 300 ? 1 : 97) == whole,
         "splitting changes the result");
  ENSURE(whole.why.empty() == (whole.status != HelloStatus::Bad),
         "a reason without a fault, or none");
  ENSURE(whole.status != HelloStatus::Incomplete || bytes.size() < tls::kClientHelloBytesMax,
         "a hello without an end");
  ENSURE(whole.status == HelloStatus::Complete || whole.name.empty(), "a name of no hello");
  check_name(whole.name);
  return whole;
}

std::string big_endian(std::size_t value, int octets) {
  std::string out;
  for (int i = octets - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
  return out;
}

std::string vector(int length_octets, const std::string& content) {
  return big_endian(content.size(), length_octets) + content;
}

std::string records(std::string_view message, std::size_t fragment_bytes) {
  std::string out;
  for (; !message.empty(); message.remove_prefix(std::min(fragment_bytes, message.size()))) {
    const std::string_view fragment = message.substr(0, fragment_bytes);
    out += "\x16\x03\x01" + big_endian(fragment.size(), 2);
    out += fragment;
  }
  return out;
}

void try_body(const std::string& body) {
  const std::string message = "\x01" + vector(3, body);
  const std::string split = records(message, 50);
  const Peeked whole = try_hello(records(message, message.size()));
  ENSURE(split.size() > tls::kClientHelloBytesMax || try_hello(split) == whole,
         "splitting over records changes the result");
}

}  // namespace

// The input as it is, as the body of a hello, as its extensions, and as the name in them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 12'000) return 0;  // so that one record holds the whole
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::string start = "\x03\x03" + std::string(32, 'r') + std::string("\0\0\2\x13\1\1\0", 7);
  const std::string list = std::string(1, '\0') + vector(2, bytes);
  const std::string extension = std::string(2, '\0') + vector(2, vector(2, list));
  try_hello(bytes);
  try_body(bytes);
  try_body(start + vector(2, bytes));
  try_body(start + vector(2, extension));
  return 0;
}
