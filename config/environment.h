// SPDX-License-Identifier: GPL-3.0-or-later
// What a configuration may ask of the world around it: variables and files. A test passes its own.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/diagnostic.h"

namespace config {

struct FileError {
  Problem problem = Problem::Unreadable;
  std::string message;  // "no such file"
  std::string hint;     // what to do
};

struct Environment {
  std::function<std::optional<std::string>(const std::string& name)> variable;
  std::function<std::expected<std::string, FileError>(const std::filesystem::path& path,
                                                      uint64_t bytes_max)>
      read_file;
  // The paths a glob pattern matches, sorted.
  std::function<std::vector<std::string>(const std::string& pattern)> match_files;

  // This process: getenv and the file system.
  static Environment process();
  // No variable is set and no file exists.
  static Environment empty();
};

}  // namespace config
