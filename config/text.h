// SPDX-License-Identifier: GPL-3.0-or-later
// Small questions about text. It must not know what the text is for.
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace config {

// Bytes of the code point that starts at `at`; 0 when it is not valid UTF-8.
std::size_t utf8_length(std::string_view text, std::size_t at);

// The first byte that is not valid UTF-8.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

std::size_t code_points(std::string_view text);
// Where a column (from 1, in code points) starts in a line; the line's end when it is beyond.
std::size_t byte_of_column(std::string_view line, std::size_t column);

// In double quotes for a message: control characters escaped, long text cut.
std::string in_quotes(std::string_view text);

// A complete JSON string with its quotes; invalid UTF-8 becomes U+FFFD.
std::string json_string(std::string_view text);

std::string lower(std::string_view text);
bool is_ascii(std::string_view text);
bool is_digits(std::string_view text);  // at least one
bool has_control(std::string_view text);

// RFC 9110 token: a field name, a method.
bool is_token(std::string_view text);

// All of `text` as a decimal number without sign; nothing on overflow.
template <std::unsigned_integral Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value = 0;
  const char* end = text.data() + text.size();
  std::from_chars_result result = std::from_chars(text.data(), end, value);
  if (text.empty() || result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);

}  // namespace config
