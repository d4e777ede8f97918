// SPDX-License-Identifier: GPL-3.0-or-later
// One configuration file's text and its lines. It must not know what the text means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace config {

class Source {
 public:
  // `name` as it is shown ("conf.d/shop.toml"); relative paths in the file start at `directory`.
  Source(std::string name, std::filesystem::path directory, std::string text)
      : name_(std::move(name)), directory_(std::move(directory)), text_(std::move(text)) {}

  const std::string& name() const { return name_; }
  const std::filesystem::path& directory() const { return directory_; }
  std::string_view text() const { return text_; }

  // Without its line end; empty when there is no such line. Counts from 1. The first call indexes
  // the whole text: only a file with problems pays for it.
  std::string_view line(uint32_t number) const;

 private:
  std::string name_;
  std::filesystem::path directory_;
  std::string text_;
  mutable std::vector<std::size_t> line_starts_;
};

struct TextPlace {
  uint32_t line = 1;
  uint32_t column = 1;  // in code points
};

TextPlace place_of(std::string_view text, std::size_t offset);

struct TextProblem {
  TextPlace place;
  std::string message;
  std::string hint;
};

// What must not reach a TOML parser, so this is asked before parsing: tables and arrays that nest
// deeper than any configuration does (a parser that recurses would run out of stack), and letters
// beyond ASCII outside of strings (toml++ 3.3 is undefined for some of them).
std::optional<TextProblem> find_unparsable(std::string_view text);

}  // namespace config
