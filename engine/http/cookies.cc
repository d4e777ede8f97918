// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/cookies.h"

#include <algorithm>

namespace engine::http {
namespace {

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view kSpaces = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
  return text.substr(0, text.find_last_not_of(kSpaces) + 1);
}

std::string_view without_quotes(std::string_view value) noexcept {
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return quoted ? value.substr(1, value.size() - 2) : value;
}

}  // namespace

// No pair may hold a ';', not even in quotes.
std::string_view cookie_value(std::span<const Field> fields, std::string_view name) noexcept {
  for (const Field& field : fields) {
    if (field.known != FieldName::Cookie) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::string_view pair = rest.substr(0, rest.find(';'));
      rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
      const std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos || trimmed(pair.substr(0, equals)) != name) continue;
      return without_quotes(trimmed(pair.substr(equals + 1)));
    }
  }
  return {};
}

std::string_view own_cookie_path(std::string_view cookie, std::string_view host) noexcept {
  const std::string_view pair = cookie.substr(0, cookie.find(';'));
  const std::size_t equals = pair.find('=');
  if (equals == pair.npos || trimmed(pair.substr(0, equals)).empty()) return {};
  std::string_view path;
  std::string_view domain;
  for (std::string_view rest = cookie.substr(pair.size()); !rest.empty();) {
    rest.remove_prefix(1);  // ';'
    const std::string_view attribute = rest.substr(0, rest.find(';'));
    rest.remove_prefix(attribute.size());
    const std::size_t sign = std::min(attribute.find('='), attribute.size());
    const std::string_view name = trimmed(attribute.substr(0, sign));
    const std::string_view value = trimmed(attribute.substr(std::min(sign + 1, attribute.size())));
    if (equals_ignoring_case(name, "path")) path = value;
    if (equals_ignoring_case(name, "domain") && !value.empty()) domain = value;
  }
  if (domain.starts_with('.')) domain.remove_prefix(1);  // RFC 6265 section 5.2.3
  const bool own = domain.empty() || equals_ignoring_case(domain, host);
  return own && path.starts_with('/') ? path : std::string_view();
}

}  // namespace engine::http
