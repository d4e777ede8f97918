// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/echo_words.h"

#include <array>
#include <charconv>
#include <utility>

namespace engine::cli {
namespace {

// The number in front of `text`, which is left with the unit.
std::optional<std::uint64_t> take_number(std::string_view& text) noexcept {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<std::uint64_t> multiply(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  if (text.empty()) return number;
  if (text == "k") return multiply(*number, 1ull << 10);
  if (text == "m") return multiply(*number, 1ull << 20);
  if (text == "g") return multiply(*number, 1ull << 30);
  return std::nullopt;
}

std::optional<base::Time> parse_wait(std::string_view text) noexcept {
  // A day is longer than any test waits, and far from an overflow in nanoseconds.
  constexpr std::uint64_t kDaySeconds = 86'400;
  const auto number = take_number(text);
  if (!number || *number > kDaySeconds * 1'000) return std::nullopt;
  const auto count = static_cast<base::Time>(*number);
  if (text == "us") return count * base::kMicrosecond;
  if (text == "ms") return count * base::kMillisecond;
  if (*number > kDaySeconds) return std::nullopt;
  if (text == "s") return count * base::kSecond;
  if (text == "m") return count * 60 * base::kSecond;
  return std::nullopt;
}

std::optional<std::string_view> Query::find(std::string_view name) const noexcept {
  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) != name) continue;
    return equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
  }
  return std::nullopt;
}

bool Query::flag(std::string_view name) const noexcept {
  const auto value = find(name);
  return value && *value != "0";
}

std::uint64_t Query::size(std::string_view name, std::uint64_t otherwise) const noexcept {
  const auto value = find(name);
  return value ? parse_size(*value).value_or(otherwise) : otherwise;
}

base::Time Query::wait(std::string_view name, base::Time otherwise) const noexcept {
  const auto value = find(name);
  return value ? parse_wait(*value).value_or(otherwise) : otherwise;
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end);
}

void append_html(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
}

void append_json(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (octet < 0x20 || octet >= 0x7f) {
      out += "\\u00";
      out += kHex[octet >> 4];
      out += kHex[octet & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string_view reason_of(unsigned status) noexcept {
  static constexpr std::pair<unsigned, std::string_view> kReasons[] = {
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {205, "Reset Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {418, "I'm a teapot"},
      {421, "Misdirected Request"},
      {426, "Upgrade Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"}};
  for (const auto& [number, reason] : kReasons) {
    if (number == status) return reason;
  }
  return "Status";
}

}  // namespace engine::cli
