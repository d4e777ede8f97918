// SPDX-License-Identifier: GPL-3.0-or-later
// The manual page of `engine`, in roff, made from the tree of verbs.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace engine::cli {

[[nodiscard]] std::string man_page(const CLI::App& root);

}  // namespace engine::cli
