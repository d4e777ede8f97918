// SPDX-License-Identifier: GPL-3.0-or-later
// Cookies that a request brings and a response sets (RFC 6265 section 4). It knows their form, not
// what they are for.
#pragma once

#include <span>
#include <string_view>

#include "engine/http/head.h"

namespace engine::http {

// The value of the first cookie of that name, without the quotes around it; empty when there is
// none. Names are case-sensitive. HTTP/2 may split the list over several fields (RFC 9113 section
// 8.2.3). Looks at the bytes in place.
[[nodiscard]] std::string_view cookie_value(std::span<const Field> fields,
                                            std::string_view name) noexcept;

// The Path that a Set-Cookie names, in place, if the cookie is for `host` (without a port) alone:
// its Domain is not there, or is that host. Empty when it is for others, when it has no Path that
// begins with '/', and when `cookie` is none. Of attributes that are there twice the last one
// counts (RFC 6265 section 5.3).
[[nodiscard]] std::string_view own_cookie_path(std::string_view cookie,
                                               std::string_view host) noexcept;

}  // namespace engine::http
