// SPDX-License-Identifier: GPL-3.0-or-later
// Small words of the echo server: sizes and durations in its URLs, queries, escaping. Pure text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/clock.h"

namespace engine::cli {

// "12", "4k", "1m", "2g": binary multiples.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;

// "250us", "500ms", "2s", "1m".
[[nodiscard]] std::optional<base::Time> parse_wait(std::string_view text) noexcept;

// The values of "a=1&b&c=x"; no percent decoding. `b` is there with an empty value.
class Query {
 public:
  explicit Query(std::string_view text) noexcept : text_(text) {}

  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
  // There, and not "0".
  [[nodiscard]] bool flag(std::string_view name) const noexcept;
  [[nodiscard]] std::uint64_t size(std::string_view name, std::uint64_t otherwise) const noexcept;
  [[nodiscard]] base::Time wait(std::string_view name, base::Time otherwise) const noexcept;

 private:
  std::string_view text_;
};

void append_number(std::string& out, std::uint64_t number);
void append_html(std::string& out, std::string_view text);
// With the quotes around it. Bytes above 0x7f are written as the Latin-1 characters they may be.
void append_json(std::string& out, std::string_view text);

// "Not Found"; "Status" for a number without a registered phrase.
[[nodiscard]] std::string_view reason_of(unsigned status) noexcept;

}  // namespace engine::cli
