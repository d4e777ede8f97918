// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/say.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace engine::cli {
namespace {

// One write for one line: lines of several processes do not mix.
void write_line(std::string line) {
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

std::string bold(std::string_view text) {
  std::string styled;
  if (may_style()) styled += "\x1b[1m";
  styled += text;
  if (may_style()) styled += "\x1b[0m";
  return styled;
}

void write_labelled(std::string_view label, std::string_view text) {
  std::string line(label);
  line += text;
  write_line(std::move(line));
}

}  // namespace

void say(std::string_view text) { write_labelled("engine: ", text); }

void say_error(std::string_view text) { write_labelled(bold("engine: error: "), text); }

void say_cause(std::string_view text) { write_labelled("  cause : ", text); }

void say_fix(std::string_view text) { write_labelled("  fix   : ", text); }

void say_line(std::string_view text) { write_line(std::string(text)); }

bool may_style() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  if (no_color != nullptr && *no_color != '\0') return false;
  if (term == nullptr || std::string_view(term) == "dumb") return false;
  return ::isatty(STDERR_FILENO) == 1;
}

}  // namespace engine::cli
