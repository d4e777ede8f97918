// SPDX-License-Identifier: GPL-3.0-or-later
// Runs other programs to their end, never through a shell. It must not know what they are for.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace engine::cli {

struct ProgramOutcome {
  int status = 0;      // its exit code, or 128 + the signal that ended it
  std::string output;  // both streams, at most 64 KiB of them

  // What a program says last is mostly why it failed; "it ended with 3" when it said nothing.
  [[nodiscard]] std::string reason() const;
};

// Its absolute path, looked for in `folders` (with ':' between, as in $PATH). Empty when it is not
// there.
[[nodiscard]] std::string find_program(std::string_view name, std::string_view folders);

// Starts words[0], an absolute path, with the environment and the rights of this process and
// `input` on its standard input. The error is the system's reason why it could not be started.
[[nodiscard]] std::expected<ProgramOutcome, std::string> run_program(std::vector<std::string> words,
                                                                     std::string_view input = "");

}  // namespace engine::cli
