// SPDX-License-Identifier: GPL-3.0-or-later
// The door to config: a file or a text in, a complete Config or every problem out. Never throws.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "config/environment.h"
#include "config/overrides.h"

namespace config {

struct Result {
  Config config;  // to be used only when ok()
  std::vector<Diagnostic> diagnostics;
  std::vector<std::filesystem::path> files;   // every file read or tried, for watching
  std::vector<std::string> include_patterns;  // as globs from the working directory

  bool ok() const { return count(diagnostics, Severity::Error) == 0; }
};

// Reads `path` and what it includes. What `overrides` say counts as if it were written there.
Result load(const std::filesystem::path& path, const Environment& environment,
            const Overrides& overrides = {});

// The same for a text that is not in a file. Relative paths in it start at the directory of
// `name`, which is also what problems show. `defaults` is below what the text says.
Result load_text(std::string text, const std::string& name, const Environment& environment,
                 const Overrides& overrides = {}, const SiteDefaults& defaults = {});

}  // namespace config
