// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "config/text.h"

namespace config {
namespace {

// Longer lines are cut around the mark: a generated one-line file must not fill the terminal.
constexpr std::size_t kShownColumns = 120;
constexpr std::size_t kShownBeforeMark = 40;

struct Paint {
  std::string_view bold, red, yellow, dim, off;
};

constexpr Paint kPlain{};
constexpr Paint kColored{"\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[0m"};

std::string place(const Position& where) {
  if (where.line == 0) return where.file;
  return fmt::format("{}:{}:{}", where.file, where.line, where.column);
}

// One printable column per code point, so that the mark stands below what it marks.
std::vector<std::string> columns_of(std::string_view line) {
  std::vector<std::string> columns;
  for (std::size_t at = 0; at < line.size();) {
    std::size_t length = utf8_length(line, at);
    std::string_view one = line.substr(at, std::max<std::size_t>(length, 1));
    bool control = one.size() == 1 && (static_cast<unsigned char>(one[0]) < 0x20 || one[0] == 0x7f);
    bool c1 = one.size() == 2 && one[0] == '\xc2' && static_cast<unsigned char>(one[1]) < 0xa0;
    columns.emplace_back(control || c1 || length == 0 ? std::string_view(" ") : one);
    at += one.size();
  }
  return columns;
}

struct Excerpt {
  std::string text;
  std::size_t mark_from = 0;
  std::size_t mark_count = 1;
};

Excerpt excerpt(const Diagnostic& diagnostic) {
  std::vector<std::string> columns = columns_of(diagnostic.source_line);
  std::size_t column = diagnostic.where.column == 0 ? 0 : diagnostic.where.column - 1;
  column = std::min(column, columns.size());
  std::size_t end = std::max<std::size_t>(diagnostic.end_column, column + 2) - 1;
  end = std::max(std::min(end, columns.size()), column + 1);

  bool whole = columns.size() <= kShownColumns;
  std::size_t first = whole || column <= kShownBeforeMark ? 0 : column - kShownBeforeMark;
  std::size_t last = std::min(columns.size(), first + kShownColumns);
  Excerpt result;
  if (first > 0) result.text += "…";
  for (std::size_t i = first; i < last; ++i) result.text += columns[i];
  if (last < columns.size()) result.text += "…";
  result.mark_from = column - first + (first > 0 ? 1 : 0);
  result.mark_count = std::max<std::size_t>(std::min(end, last) - std::min(column, last), 1);
  return result;
}

void render_one(std::string& out, const Diagnostic& diagnostic, const Paint& paint) {
  auto to = std::back_inserter(out);
  bool error = diagnostic.severity == Severity::Error;
  std::string where = place(diagnostic.where);
  if (!where.empty()) fmt::format_to(to, "{}{}:{} ", paint.bold, where, paint.off);
  fmt::format_to(to, "{}{}:{} {}\n", error ? paint.red : paint.yellow, error ? "error" : "warning",
                 paint.off, diagnostic.message);

  std::string_view hint = diagnostic.hint;
  if (diagnostic.source_line.empty()) {
    if (!hint.empty()) fmt::format_to(to, "      {}fix:{} {}\n", paint.dim, paint.off, hint);
    return;
  }
  Excerpt shown = excerpt(diagnostic);
  fmt::format_to(to, "{}{:>5} |{} {}\n", paint.dim, diagnostic.where.line, paint.off, shown.text);
  fmt::format_to(to, "{}      |{} {:>{}}{}{:^>{}}{}{}{}\n", paint.dim, paint.off, "",
                 shown.mark_from, error ? paint.red : paint.yellow, "", shown.mark_count, paint.off,
                 hint.empty() ? "" : " ", hint);
}

std::string plural(std::size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

}  // namespace

std::size_t count(std::span<const Diagnostic> diagnostics, Severity severity) {
  return static_cast<std::size_t>(std::ranges::count(diagnostics, severity, &Diagnostic::severity));
}

std::string render(std::span<const Diagnostic> diagnostics, Color color) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) {
    render_one(out, diagnostic, color == Color::Always ? kColored : kPlain);
  }
  if (!diagnostics.empty()) out += summary(diagnostics) + "\n";
  return out;
}

std::string summary(std::span<const Diagnostic> diagnostics) {
  std::size_t errors = count(diagnostics, Severity::Error);
  std::size_t warnings = count(diagnostics, Severity::Warning);
  if (warnings == 0) return plural(errors, "error") + ".";
  if (errors == 0) return plural(warnings, "warning") + ".";
  return plural(errors, "error") + ", " + plural(warnings, "warning") + ".";
}

std::string to_json(std::span<const Diagnostic> diagnostics) {
  std::string out = "[";
  for (const Diagnostic& diagnostic : diagnostics) {
    if (out.size() > 1) out += ",";
    fmt::format_to(std::back_inserter(out),
                   R"({{"file":{},"line":{},"column":{},"severity":"{}","message":{},"hint":{}}})",
                   json_string(diagnostic.where.file), diagnostic.where.line,
                   diagnostic.where.column,
                   diagnostic.severity == Severity::Error ? "error" : "warning",
                   json_string(diagnostic.message), json_string(diagnostic.hint));
  }
  return out + "]";
}

}  // namespace config
