// SPDX-License-Identifier: GPL-3.0-or-later
// What the connection and framing fields of an HTTP/1 head say, for requests and responses alike.
// It judges values, not lines.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/http/head.h"

namespace engine::http {

// The Connection fields, read as one list.
struct ConnectionOptions {
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
  bool names_fields = false;  // has options that may be names of fields
};

[[nodiscard]] ConnectionOptions read_connection(std::span<const Field> fields) noexcept;

// Marks the fields Connection names as not to be forwarded. Names the engine has rules about are
// not for a peer to remove: it must not hide X-Forwarded-For, Host or Content-Length that way.
// False when there are more names than any honest head has.
[[nodiscard]] bool mark_nominated(std::span<Field> fields) noexcept;

enum class Coding : std::uint8_t { Chunked, Unknown, Malformed };

// All Transfer-Encoding fields as one list. Chunked only if that is all there is, once.
[[nodiscard]] Coding read_transfer_encoding(std::span<const Field> fields) noexcept;

// All Content-Length fields; false unless there is one and it is 1*DIGIT and below 2^63.
[[nodiscard]] bool read_content_length(std::span<const Field> fields,
                                       std::uint64_t& length) noexcept;

// Calls visit(element) for each element of a comma-separated list, white space trimmed, empty ones
// left out, until it returns false.
template <typename Visit>
void for_each_element(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view element = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    while (!element.empty() && (element.front() == ' ' || element.front() == '\t')) {
      element.remove_prefix(1);
    }
    while (!element.empty() && (element.back() == ' ' || element.back() == '\t')) {
      element.remove_suffix(1);
    }
    if (!element.empty() && !visit(element)) return;
  }
}

}  // namespace engine::http
