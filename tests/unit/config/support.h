// SPDX-License-Identifier: GPL-3.0-or-later
// A configuration from a text, with an environment that a test fills in.
#pragma once

#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "config/load.h"

namespace config::test {

struct World {
  std::map<std::string, std::string> variables;
  std::map<std::string, std::string> files;

  Environment environment() const {
    Environment result = Environment::empty();
    result.variable = [this](const std::string& name) -> std::optional<std::string> {
      auto found = variables.find(name);
      if (found == variables.end()) return std::nullopt;
      return found->second;
    };
    result.read_file = [this](const std::filesystem::path& path,
                              uint64_t) -> std::expected<std::string, FileError> {
      auto found = files.find(path.string());
      if (found != files.end()) return found->second;
      return std::unexpected(FileError{Problem::NotFound, "no such file", "check the path"});
    };
    // "dir/*" matches by what stands before the star; anything else by name.
    result.match_files = [this](const std::string& pattern) {
      std::vector<std::string> paths;
      std::string start = pattern.substr(0, pattern.find('*'));
      for (const auto& [path, text] : files) {
        if (path == pattern || (start != pattern && path.starts_with(start))) paths.push_back(path);
      }
      return paths;
    };
    return result;
  }
};

inline Result load_toml(const std::string& text, const World& world = {}) {
  return load_text(text, "proxy.toml", world.environment());
}

// "3:5 error: message", one per problem; other files than proxy.toml are named.
inline std::vector<std::string> problems(const Result& result) {
  std::vector<std::string> out;
  for (const Diagnostic& found : result.diagnostics) {
    std::string file = found.where.file == "proxy.toml" ? "" : found.where.file + ":";
    out.push_back(fmt::format("{}{}:{} {}: {}", file, found.where.line, found.where.column,
                              found.severity == Severity::Error ? "error" : "warning",
                              found.message));
  }
  return out;
}

// The message of the only problem; else all of them, for a readable failure.
inline std::string only_message(const Result& result) {
  if (result.diagnostics.size() == 1) return result.diagnostics[0].message;
  return fmt::format("{} problems: {}", result.diagnostics.size(),
                     fmt::join(problems(result), " | "));
}

inline std::string only_hint(const Result& result) {
  return result.diagnostics.size() == 1 ? result.diagnostics[0].hint : only_message(result);
}

}  // namespace config::test
