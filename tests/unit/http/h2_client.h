// SPDX-License-Identifier: GPL-3.0-or-later
// The frames of HTTP/2 as a client writes them, by hand, so that it can do what no library lets one
// do.
#pragma once

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace engine::http::h2 {

using Fields = std::vector<std::pair<std::string, std::string>>;

inline constexpr int kEnd = NGHTTP2_FLAG_END_STREAM;
inline constexpr int kWhole = NGHTTP2_FLAG_END_HEADERS;

inline std::string number(std::uint64_t value, int octets) {
  std::string out;
  for (int i = octets - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
  return out;
}

inline std::string frame(int type, int flags, std::uint32_t stream,
                         const std::string& payload = {}) {
  return number(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) +
         number(stream, 4) + payload;
}

// HPACK: an integer with a 7-bit prefix, and literals that are never indexed nor Huffman-coded.
inline std::string text(const std::string& bytes) {
  std::string out;
  std::size_t size = bytes.size();
  if (size < 127) return static_cast<char>(size) + bytes;
  out += '\x7f';
  for (size -= 127; size >= 128; size /= 128) out += static_cast<char>(size % 128 + 128);
  out += static_cast<char>(size);
  return out + bytes;
}

inline std::string block(const Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) out += '\0' + text(name) + text(value);
  return out;
}

inline std::string headers(std::uint32_t stream, const Fields& fields, int flags = kWhole | kEnd) {
  return frame(NGHTTP2_HEADERS, flags, stream, block(fields));
}

inline std::string data(std::uint32_t stream, const std::string& bytes, int flags = 0) {
  return frame(NGHTTP2_DATA, flags, stream, bytes);
}

inline std::string setting(int id, std::uint32_t value) {
  return number(static_cast<std::uint64_t>(id), 2) + number(value, 4);
}

inline std::string settings(const std::string& entries = {}, int flags = 0) {
  return frame(NGHTTP2_SETTINGS, flags, 0, entries);
}

inline std::string window_update(std::uint32_t stream, std::uint32_t count) {
  return frame(NGHTTP2_WINDOW_UPDATE, 0, stream, number(count, 4));
}

inline std::string rst_stream(std::uint32_t stream, std::uint32_t error = NGHTTP2_CANCEL) {
  return frame(NGHTTP2_RST_STREAM, 0, stream, number(error, 4));
}

inline std::string ping() { return frame(NGHTTP2_PING, 0, 0, "12345678"); }

// A request with the usual pseudo-header fields, one of them replaced or removed, and more fields.
inline Fields request(const std::string& method = "GET", const Fields& more = {}) {
  Fields fields = {
      {":method", method}, {":scheme", "https"}, {":authority", "a.test"}, {":path", "/x?q=1"}};
  for (const auto& field : more) {
    const auto same = std::ranges::find(fields, field.first, &Fields::value_type::first);
    if (field.first.starts_with(':') && same != fields.end()) {
      *same = field;
    } else {
      fields.push_back(field);
    }
  }
  return fields;
}

inline Fields without(Fields fields, std::string_view name) {
  std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  return fields;
}

struct Frame {
  int type = 0, flags = 0;
  std::uint32_t stream = 0;
  std::string payload;

  [[nodiscard]] std::uint32_t number_at(std::size_t at) const {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + 4; ++i)
      value = value << 8U | static_cast<unsigned char>(payload.at(i));
    return value;
  }
};

}  // namespace engine::http::h2
