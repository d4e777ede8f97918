// SPDX-License-Identifier: GPL-3.0-or-later
// Cookies that a request brings (RFC 6265 section 4.2). It knows their form, not what they are for.
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

}  // namespace engine::http
