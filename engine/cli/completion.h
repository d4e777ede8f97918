// SPDX-License-Identifier: GPL-3.0-or-later
// Scripts that complete the words of `engine` in a shell, made from the tree of verbs. They must
// not know a verb that the tree does not.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace engine::cli {

[[nodiscard]] std::string bash_completion(const CLI::App& root);
[[nodiscard]] std::string zsh_completion(const CLI::App& root);
[[nodiscard]] std::string fish_completion(const CLI::App& root);

}  // namespace engine::cli
