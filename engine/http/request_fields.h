// SPDX-License-Identifier: GPL-3.0-or-later
// What the fields of a request say beyond its framing, whatever version of HTTP brought them. It
// judges values, not lines.
#pragma once

#include <string_view>

#include "engine/http/head.h"

namespace engine::http {

// Fills path, query and has_query from a target in origin-form.
void split_path(std::string_view text, RequestHead& head) noexcept;

// Fills what Accept, Max-Forwards, TE and X-Engine-Hops say.
void read_other_fields(RequestHead& head) noexcept;

// Fills expect_continue, with the framing already known. False when something else than
// 100-continue is expected (RFC 9110 section 10.1.1).
[[nodiscard]] bool read_expect(RequestHead& head) noexcept;

}  // namespace engine::http
