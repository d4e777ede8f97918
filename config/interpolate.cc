// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/interpolate.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "config/text.h"

namespace config {
namespace {

using Value = std::expected<std::string, Complaint>;

std::unexpected<Complaint> refuse(std::string message, std::string hint = {}) {
  return std::unexpected(Complaint{std::move(message), std::move(hint)});
}

bool is_variable_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::ranges::all_of(name, [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

// An editor ends a secret with a newline that nobody means.
void strip_newline(std::string& text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
}

// "/path", "/path:-default": the default is for a file that does not exist.
Value expand_file(std::string_view inner, const std::filesystem::path& directory,
                  const Environment& environment, std::vector<std::filesystem::path>& files) {
  std::size_t mark = inner.find(":-");
  std::filesystem::path path = directory / inner.substr(0, mark);
  files.push_back(path);
  std::expected<std::string, FileError> text = environment.read_file(path, kSecretFileBytesMax);
  bool missing = !text && text.error().problem == Problem::NotFound;
  if (missing && mark != std::string_view::npos) return std::string(inner.substr(mark + 2));
  std::string name = in_quotes(path.string());
  if (!text) {
    return refuse(fmt::format("cannot read {}: {}", name, text.error().message), text.error().hint);
  }
  strip_newline(*text);
  if (find_invalid_utf8(*text)) return refuse(fmt::format("{} is not UTF-8 text", name));
  return *text;
}

// "VAR", "VAR:-default", "VAR:?text".
Value expand_variable(std::string_view inner, const Environment& environment) {
  std::size_t colon = inner.find(':');
  std::string name(inner.substr(0, colon));
  if (!is_variable_name(name)) {
    return refuse(fmt::format("{} is not the name of a variable", in_quotes(name)),
                  "a literal \"$\" is written \"$$\"");
  }
  std::string_view rest = colon == std::string_view::npos ? "" : inner.substr(colon + 1);
  bool has_default = rest.starts_with('-');
  bool has_text = rest.starts_with('?');
  if (colon != std::string_view::npos && !has_default && !has_text) {
    return refuse(fmt::format("{} is not understood", in_quotes(inner)),
                  fmt::format("write \"${{{0}:-default}}\" or \"${{{0}:?text}}\"", name));
  }
  std::optional<std::string> value = environment.variable(name);
  // As in a shell: with a colon, an empty variable counts as unset.
  if (value && (colon == std::string_view::npos || !value->empty())) {
    if (!find_invalid_utf8(*value)) return *value;
    return refuse(fmt::format("the environment variable {} is not UTF-8 text", name));
  }
  if (has_default) return std::string(rest.substr(1));
  if (has_text && rest.size() > 1) return refuse(fmt::format("{}: {}", name, rest.substr(1)));
  return refuse(fmt::format("the environment variable {} is not set", name),
                fmt::format("set it, or write \"${{{}:-default}}\"", name));
}

}  // namespace

std::expected<Interpolated, InterpolationError> interpolate(std::string_view text,
                                                            const std::filesystem::path& directory,
                                                            const Environment& environment) {
  Interpolated result;
  while (true) {
    std::size_t dollar = text.find('$');
    result.text += text.substr(0, dollar);
    if (dollar == std::string_view::npos) return result;
    text.remove_prefix(dollar);
    if (text.starts_with("$$")) {
      result.text += '$';
      text.remove_prefix(2);
      continue;
    }
    if (!text.starts_with("${")) {  // a lone "$" means nothing, so it stays
      result.text += '$';
      text.remove_prefix(1);
      continue;
    }
    std::size_t end = text.find('}');
    if (end == std::string_view::npos) {
      Complaint complaint{"\"${\" has no \"}\"", "a literal \"$\" is written \"$$\""};
      return std::unexpected(InterpolationError{std::move(complaint), text});
    }
    std::string_view inner = text.substr(2, end - 2);
    Value value;
    if (inner.starts_with("file:")) {
      value = expand_file(inner.substr(5), directory, environment, result.files);
    } else {
      value = expand_variable(inner, environment);
    }
    if (!value) {
      return std::unexpected(InterpolationError{value.error(), text.substr(0, end + 1)});
    }
    result.text += *value;
    text.remove_prefix(end + 1);
  }
}

}  // namespace config
