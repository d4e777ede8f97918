// SPDX-License-Identifier: GPL-3.0-or-later
// What is on the other end of stdout and stderr, and text that is safe to show there. It must not
// know verbs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace engine::cli {

// Columns of the terminal that `descriptor` is, at least 20; 0 when it is none.
[[nodiscard]] std::size_t columns_of(int descriptor);

// Text that came from elsewhere, without the power to move the cursor: control characters become
// '?'.
[[nodiscard]] std::string printable(std::string_view text);

// At most `columns` code points, the last one '…' when some had to go.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t columns);

// Puts a page in the place of the one before, on a terminal.
inline constexpr std::string_view kHomeAndClear = "\x1b[H\x1b[2J";

// On stdout, all at once, with a line end when `text` has none.
void print(std::string text);

}  // namespace engine::cli
