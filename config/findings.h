// SPDX-License-Identifier: GPL-3.0-or-later
// What one load has collected so far, over all its files: problems, files read, who set what.
#pragma once

#include <cstddef>
#include <deque>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"
#include "config/source.h"

namespace config {

class Findings {
 public:
  // Kept until the end, so that any problem can show its line. The address stays valid.
  const Source& add_source(Source source);
  void add_file(std::filesystem::path path) { files_.push_back(std::move(path)); }

  // Adds the source line by itself. Beyond kDiagnosticsMax problems are only counted.
  void report(Diagnostic diagnostic);

  // Where `key` was set before by another file; else remembers that it is set at `where`.
  const Position* claim(const std::string& key, const Position& where);

  // Where `key` is set, if it is.
  const Position* claimed(const std::string& key) const;

  // In the order of files, lines and columns. Ends the collection.
  std::vector<Diagnostic> take_diagnostics();
  std::vector<std::filesystem::path> take_files() { return std::move(files_); }

 private:
  const Source* source_named(std::string_view name) const;
  std::size_t rank(std::string_view name) const;

  std::deque<Source> sources_;
  std::vector<std::filesystem::path> files_;
  std::vector<Diagnostic> diagnostics_;
  std::size_t dropped_errors_ = 0;
  std::map<std::string, Position> claims_;
};

}  // namespace config
