// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "config/text.h"

namespace config {
namespace {

// The column after the string, number or bare key that starts at the marked column.
uint32_t token_end(const Diagnostic& diagnostic) {
  std::string_view line = diagnostic.source_line;
  std::size_t start = byte_of_column(line, diagnostic.where.column);
  if (start >= line.size()) return diagnostic.where.column;
  bool is_string = line[start] == '"' || line[start] == '\'';
  std::size_t end =
      is_string ? line.find(line[start], start + 1) : line.find_first_of(" \t,]}=#", start);
  if (end == std::string_view::npos) end = line.size();
  if (is_string && end < line.size()) ++end;
  return diagnostic.where.column +
         static_cast<uint32_t>(code_points(line.substr(start, end - start)));
}

}  // namespace

const Source& Findings::add_source(Source source) {
  return sources_.emplace_back(std::move(source));
}

void Findings::report(Diagnostic diagnostic) {
  if (diagnostics_.size() >= kDiagnosticsMax) {
    if (diagnostic.severity == Severity::Error) ++dropped_errors_;
    return;
  }
  const Source* source = source_named(diagnostic.where.file);
  if (source != nullptr) diagnostic.source_line = source->line(diagnostic.where.line);
  if (diagnostic.end_column == 0) diagnostic.end_column = token_end(diagnostic);
  diagnostics_.push_back(std::move(diagnostic));
}

const Position* Findings::claim(const std::string& key, const Position& where) {
  auto [found, is_new] = claims_.try_emplace(key, where);
  return is_new || found->second.file == where.file ? nullptr : &found->second;
}

const Position* Findings::claimed(const std::string& key) const {
  auto found = claims_.find(key);
  return found == claims_.end() ? nullptr : &found->second;
}

std::vector<Diagnostic> Findings::take_diagnostics() {
  std::vector<std::tuple<std::size_t, uint32_t, uint32_t, std::size_t>> order;
  for (std::size_t i = 0; i < diagnostics_.size(); ++i) {
    const Position& where = diagnostics_[i].where;
    order.emplace_back(rank(where.file), where.line, where.column, i);
  }
  std::ranges::sort(order);
  std::vector<Diagnostic> sorted;
  for (const auto& place : order) sorted.push_back(std::move(diagnostics_[std::get<3>(place)]));
  if (dropped_errors_ > 0) {
    Diagnostic last;
    last.message = fmt::format("{} more errors are not shown", dropped_errors_);
    sorted.push_back(std::move(last));
  }
  return sorted;
}

const Source* Findings::source_named(std::string_view name) const {
  auto found = std::ranges::find(sources_, name, &Source::name);
  return found == sources_.end() ? nullptr : &*found;
}

std::size_t Findings::rank(std::string_view name) const {
  auto found = std::ranges::find(sources_, name, &Source::name);
  return static_cast<std::size_t>(found - sources_.begin());
}

}  // namespace config
