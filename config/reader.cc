// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/interpolate.h"
#include "config/suggest.h"
#include "config/text.h"
#include "config/units.h"

namespace config {
namespace {

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "a list";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "a whole number";
    case toml::node_type::floating_point: return "a number with a point";
    case toml::node_type::boolean: return "true or false";
    default: return "a date or time";
  }
}

// "error, warn, info or debug"
std::string listed(std::span<const std::string_view> names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += in_quotes(names[i]);
  }
  return out;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  std::string_view meant = nearest(word, known);
  return meant.empty() ? std::string() : fmt::format("did you mean \"{}\"?", meant);
}

bool is_interpolated(const toml::node& node) {
  const auto* string = node.as_string();
  return string != nullptr && string->get().find("${") != std::string::npos;
}

}  // namespace

Place place_inside(const Entry& entry) {
  Place inside;
  if (entry.place.label.empty()) {
    inside.label = fmt::format("[{}]", entry.name());
  } else {
    inside.label = fmt::format("{} of {}", in_quotes(entry.name()), entry.place.label);
  }
  inside.is_shared = entry.place.is_shared;
  if (inside.is_shared) inside.prefix = fmt::format("{}{}.", entry.place.prefix, entry.name());
  return inside;
}

Position Reader::position(const toml::source_region& region) const {
  return {source_.name(), region.begin.line, region.begin.column};
}

void Reader::error(const toml::source_region& at, Complaint complaint) {
  report(Severity::Error, at, std::move(complaint));
}

void Reader::warning(const toml::source_region& at, Complaint complaint) {
  report(Severity::Warning, at, std::move(complaint));
}

void Reader::report(Severity severity, const toml::source_region& at, Complaint complaint) {
  Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.where = position(at);
  // A value over several lines is marked to the end of its first.
  diagnostic.end_column = at.end.line == at.begin.line ? at.end.column : UINT32_MAX;
  diagnostic.message = std::move(complaint.message);
  diagnostic.hint = std::move(complaint.hint);
  findings_.report(std::move(diagnostic));
}

void Reader::unknown_key(const Entry& entry, std::span<const std::string_view> known) {
  std::string in = entry.place.label.empty() ? "" : " in " + entry.place.label;
  error(entry.key.source(), fmt::format("unknown key {}{}", in_quotes(entry.name()), in),
        did_you_mean(entry.name(), known));
}

void Reader::unsupported_key(const Entry& entry) {
  error(entry.key.source(),
        fmt::format("{} is not supported by this version", in_quotes(entry.name())));
}

void Reader::wrong_type(const Entry& entry, std::string_view takes) {
  error(entry.node.source(),
        fmt::format("{} takes {}, not {}", in_quotes(entry.name()), takes, type_name(entry.node)));
}

void Reader::claim(const Entry& entry) {
  if (!entry.place.is_shared || entry.node.is_table()) return;
  std::string path = entry.place.prefix + std::string(entry.name());
  const Position* earlier = findings_.claim(path, position(entry.key.source()));
  if (earlier == nullptr) return;
  error(entry.key.source(),
        fmt::format("{} is already set at {}", in_quotes(path), earlier->text()),
        "keep one of the two");
}

std::optional<std::string> Reader::text(const toml::node& node) {
  const std::string& written = node.as_string()->get();
  if (written.find('$') == std::string::npos) return written;
  auto result = interpolate(written, source_.directory(), environment_);
  if (!result) {
    report_interpolation(node, result.error().complaint, result.error().at);
    return std::nullopt;
  }
  for (std::filesystem::path& file : result->files) findings_.add_file(std::move(file));
  return std::move(result->text);
}

// Marks the `${…}` itself where the source has it as it is read: on one line, without escapes.
void Reader::report_interpolation(const toml::node& node, Complaint complaint,
                                  std::string_view at) {
  toml::source_region region = node.source();
  std::string_view line = source_.line(region.begin.line);
  std::size_t found = line.find(at, byte_of_column(line, region.begin.column));
  if (found != std::string_view::npos) {
    region.begin.column = static_cast<uint32_t>(code_points(line.substr(0, found)) + 1);
    region.end = region.begin;
    region.end.column += static_cast<uint32_t>(code_points(at));
  }
  error(region, std::move(complaint));
}

bool Reader::string(const Entry& entry, std::string& out) {
  if (!entry.node.is_string()) {
    wrong_type(entry, "a string");
    return false;
  }
  std::optional<std::string> value = text(entry.node);
  if (value) out = std::move(*value);
  return value.has_value();
}

void Reader::path(const Entry& entry, std::string_view of, std::string& out) {
  std::string written;
  if (!string(entry, written)) return;
  if (written.empty() || has_control(written)) {
    return error(entry.node.source(),
                 fmt::format("{} takes the path of {}", in_quotes(entry.name()), of));
  }
  out = (source_.directory() / written).string();
}

void Reader::duration(const Entry& entry, Milliseconds& out) {
  if (const auto* number = entry.node.as_integer()) {
    return error(entry.node.source(), not_a_duration(std::to_string(number->get())));
  }
  if (!entry.node.is_string()) return wrong_type(entry, "a duration such as \"30s\"");
  std::optional<std::string> written = text(entry.node);
  if (!written) return;
  std::optional<Milliseconds> value = parse_duration(*written);
  if (!value) return error(entry.node.source(), not_a_duration(*written));
  out = *value;
}

void Reader::size(const Entry& entry, uint64_t& out, uint64_t least, uint64_t most) {
  std::optional<uint64_t> value;
  if (const auto* number = entry.node.as_integer()) {
    if (number->get() >= 0) value = static_cast<uint64_t>(number->get());
  } else if (entry.node.is_string()) {
    std::optional<std::string> written = text(entry.node);
    if (!written) return;
    value = parse_size(*written);
    if (!value && is_interpolated(entry.node)) value = parse_number<uint64_t>(*written);
    if (!value) return error(entry.node.source(), not_a_size(*written));
  } else {
    return wrong_type(entry, "a size such as \"20MiB\"");
  }
  if (!value || *value < least || *value > most) {
    return error(entry.node.source(), fmt::format("{} must be from {} to {} bytes",
                                                  in_quotes(entry.name()), least, most));
  }
  out = *value;
}

bool Reader::integer(const Entry& entry, uint64_t& out, uint64_t least, uint64_t most) {
  std::optional<uint64_t> value;
  if (const auto* number = entry.node.as_integer()) {
    if (number->get() >= 0) value = static_cast<uint64_t>(number->get());
  } else if (is_interpolated(entry.node)) {
    std::optional<std::string> written = text(entry.node);
    if (!written) return false;
    value = parse_number<uint64_t>(*written);
  } else {
    wrong_type(entry, "a whole number");
    return false;
  }
  if (!value || *value < least || *value > most) {
    error(entry.node.source(), fmt::format("{} must be a whole number from {} to {}",
                                           in_quotes(entry.name()), least, most));
    return false;
  }
  out = *value;
  return true;
}

void Reader::boolean(const Entry& entry, bool& out) {
  if (const auto* value = entry.node.as_boolean()) {
    out = value->get();
    return;
  }
  if (!is_interpolated(entry.node)) return wrong_type(entry, "true or false");
  std::optional<std::string> written = text(entry.node);
  if (!written) return;
  bool yes = *written == "true" || *written == "1";
  if (!yes && *written != "false" && *written != "0") {
    return error(entry.node.source(), fmt::format("{} is not true or false", in_quotes(*written)));
  }
  out = yes;
}

const toml::table* Reader::table(const Entry& entry) {
  const toml::table* table = entry.node.as_table();
  if (table == nullptr) wrong_type(entry, "a table");
  return table;
}

std::optional<std::vector<Reader::Item>> Reader::strings(const Entry& entry) {
  std::vector<Item> items;
  auto add = [&](const toml::node& node) {
    if (!node.is_string()) {
      error(node.source(), fmt::format("{} takes a list of strings, not {}",
                                       in_quotes(entry.name()), type_name(node)));
      return false;
    }
    std::optional<std::string> value = text(node);
    if (value) items.push_back({std::move(*value), &node});
    return value.has_value();
  };
  const toml::array* list = entry.node.as_array();
  if (list == nullptr) {
    if (!add(entry.node)) return std::nullopt;
    return items;
  }
  bool good = true;
  for (const toml::node& node : *list) good &= add(node);
  if (!good) return std::nullopt;
  return items;
}

void Reader::bad_choice(const Entry& entry, std::string_view word,
                        std::span<const std::string_view> names,
                        std::span<const std::string_view> later) {
  if (std::ranges::find(later, word) != later.end()) {
    return error(
        entry.node.source(),
        fmt::format("{} = {} is not supported by this version", entry.name(), in_quotes(word)),
        "write " + listed(names));
  }
  std::string hint = did_you_mean(word, names);
  error(entry.node.source(),
        fmt::format("{} is not a value of {} – write {}", in_quotes(word), in_quotes(entry.name()),
                    listed(names)),
        std::move(hint));
}

}  // namespace config
