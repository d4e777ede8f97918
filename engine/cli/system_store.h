// SPDX-License-Identifier: GPL-3.0-or-later
// The authorities that a whole Linux system believes: a folder for those that its administrator
// adds, and a program that makes everybody's lists from it. It must not know whose authority it is.
#pragma once

#include <string>
#include <vector>

#include "engine/cli/trust_outcome.h"

namespace engine::cli {

struct SystemStore {
  using Command = std::vector<std::string>;

  std::string folder;
  std::string file;              // ours, in the folder
  std::vector<Command> refresh;  // the first whose program is there
  std::vector<Command> rebuild;  // the same, after something was replaced or removed
  std::string package;           // that has the program
  std::string hooks;             // a folder of programs that keep lists of their own, or empty
  std::string listed_as;         // what they know our file as
};

// Debian, Fedora and Arch, with those made from them.
[[nodiscard]] std::vector<SystemStore> known_system_stores();

// Whether the first store whose folder is there has `ca_pem` as ours. Changes nothing.
[[nodiscard]] bool is_in_system(const std::vector<SystemStore>& stores, const std::string& ca_pem);

// Both act on the first store whose folder is there, and find programs in `programs` (program.h).
// Both refresh the lists also when our file is as it should be: an earlier try may have been cut
// short.
[[nodiscard]] TrustOutcome add_to_system(const std::vector<SystemStore>& stores,
                                         const std::string& programs, const std::string& ca_pem);
[[nodiscard]] TrustOutcome remove_from_system(const std::vector<SystemStore>& stores,
                                              const std::string& programs);

}  // namespace engine::cli
