// SPDX-License-Identifier: GPL-3.0-or-later
// What is wrong with a configuration, and how people and programs get to read it.
// It must not know TOML, nor where the text came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace config {

enum class Severity : uint8_t { Error, Warning };

// What kind of problem it is, so that a program can choose its exit code.
enum class Problem : uint8_t {
  Value,       // understood, but wrong
  Syntax,      // not TOML
  NotUtf8,     // not text
  NotFound,    // the file does not exist
  Permission,  // the file may not be read
  NotAFile,    // a directory, a socket, …
  TooLarge,    // beyond kFileBytesMax
  Unreadable,  // any other failure to read
  Override,    // a bad flag or ENGINE_* variable
};

struct Diagnostic {
  Severity severity = Severity::Error;
  Problem problem = Problem::Value;
  Position where;           // line 0: about the whole file, or not about a file
  uint32_t end_column = 0;  // first column after the marked range; <= where.column marks one column
  std::string message;
  std::string hint;         // what to do; may be empty
  std::string source_line;  // the text of where.line; may be empty
};

enum class Color : uint8_t { Never, Always };

std::size_t count(std::span<const Diagnostic> diagnostics, Severity severity);

// Every problem with its source line and a mark below it, then the summary and a line end.
// Empty when there is nothing to say.
std::string render(std::span<const Diagnostic> diagnostics, Color color);

// "2 errors, 1 warning."
std::string summary(std::span<const Diagnostic> diagnostics);

// A JSON array of {"file","line","column","severity","message","hint"}.
std::string to_json(std::span<const Diagnostic> diagnostics);

}  // namespace config
