// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/api_request.h"

#include <algorithm>
#include <charconv>

#include "engine/http/names.h"

namespace engine::control {
namespace {

enum class Plus : bool { Stays, IsSpace };

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

std::optional<std::string> decode(std::string_view text, Plus plus) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus == Plus::IsSpace) c = ' ';
    if (c == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const char* const end = text.data() + i + 3;
      unsigned char byte = 0;
      const std::from_chars_result result = std::from_chars(end - 2, end, byte, 16);
      if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
      c = static_cast<char>(byte);
      i += 2;
    }
    out += c;
  }
  return out;
}

// As forms write it: name=value&name=value.
std::optional<std::map<std::string, std::string>> read_query(std::string_view query) {
  std::map<std::string, std::string> out;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = decode(pair.substr(0, equals), Plus::IsSpace);
    const auto value = decode(pair.substr(std::min(pair.size(), equals + 1)), Plus::IsSpace);
    if (!name || !value) return std::nullopt;
    out.insert_or_assign(*name, *value);
  }
  return out;
}

}  // namespace

std::string_view ApiRequest::header(std::string_view name) const {
  const auto found = std::ranges::find_if(
      fields, [name](const auto& field) { return http::equals_ignoring_case(field.first, name); });
  return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<ApiRequest> request_of(const http::RequestHead& head) {
  auto path = decode(head.path, Plus::Stays);
  auto query = read_query(head.query);
  if (!path || !query || std::ranges::any_of(*path, is_control)) return std::nullopt;
  ApiRequest request;
  request.method = head.method_text;
  request.path = std::move(*path);
  request.query = std::move(*query);
  for (const http::Field& field : head.fields) request.fields.emplace_back(field.name, field.value);
  return request;
}

}  // namespace engine::control
