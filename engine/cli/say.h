// SPDX-License-Identifier: GPL-3.0-or-later
// Talk with the person at the terminal, on stderr; stdout is for data. Bold only on a terminal that
// wants it.
#pragma once

#include <string_view>

namespace engine::cli {

// "engine: text"
void say(std::string_view text);

// "engine: error: text", then lines for the cause and the fix.
void say_error(std::string_view text);
void say_cause(std::string_view text);
void say_fix(std::string_view text);

// A line as it is.
void say_line(std::string_view text);

// Whether stderr is a terminal and neither NO_COLOR nor TERM=dumb is set.
[[nodiscard]] bool may_style();

}  // namespace engine::cli
