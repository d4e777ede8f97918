// SPDX-License-Identifier: GPL-3.0-or-later
// Makes foreign text harmless where it is quoted.
#pragma once

#include <string>
#include <string_view>

namespace engine::proxy {

// For element content and double-quoted attributes.
[[nodiscard]] std::string html_escape(std::string_view text);

// For the inside of a JSON string; bytes that are not ASCII stay when they are valid UTF-8, else
// become U+FFFD.
[[nodiscard]] std::string json_escape(std::string_view text);
// The same, without a string in between: log lines are written for every request.
void append_json_escaped(std::string& out, std::string_view text);

// For the inside of a structured-field string (RFC 8941 section 3.3.3).
[[nodiscard]] std::string structured_escape(std::string_view text);

}  // namespace engine::proxy
