// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/head.h"

namespace engine::http {

Method method_of(std::string_view text) noexcept {
  switch (text.size()) {
    case 3:
      if (text == "GET") return Method::Get;
      return text == "PUT" ? Method::Put : Method::Other;
    case 4:
      if (text == "POST") return Method::Post;
      return text == "HEAD" ? Method::Head : Method::Other;
    case 5:
      if (text == "PATCH") return Method::Patch;
      return text == "TRACE" ? Method::Trace : Method::Other;
    case 6: return text == "DELETE" ? Method::Delete : Method::Other;
    case 7:
      if (text == "OPTIONS") return Method::Options;
      return text == "CONNECT" ? Method::Connect : Method::Other;
    default: return Method::Other;
  }
}

std::string_view find_field(std::span<const Field> fields, FieldName name) noexcept {
  for (const Field& field : fields) {
    if (field.known == name) return field.value;
  }
  return {};
}

std::string_view find_field(std::span<const Field> fields, std::string_view name) noexcept {
  for (const Field& field : fields) {
    if (equals_ignoring_case(field.name, name)) return field.value;
  }
  return {};
}

}  // namespace engine::http
