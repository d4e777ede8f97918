// SPDX-License-Identifier: GPL-3.0-or-later
// Status codes in words (RFC 9110 section 15).
#pragma once

#include <string_view>

namespace engine::http {

// A word for codes that have none: HTTP/1 shows one, HTTP/2 carries none.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

}  // namespace engine::http
