// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/kept_response.h"

namespace engine::http {
namespace {

constexpr std::string_view kColon = ": ";
constexpr std::string_view kLineEnd = "\r\n";

std::size_t text_bytes(const ResponseHead& head) {
  std::size_t bytes = head.reason.size();
  for (const Field& field : head.fields)
    bytes += field.name.size() + kColon.size() + field.value.size() + kLineEnd.size();
  return bytes;
}

}  // namespace

KeptResponse::KeptResponse(const ResponseHead& head) : head_(head) {
  text_.reserve(text_bytes(head));
  fields_.reserve(head.fields.size());
  head_.reason = keep(head.reason);
  for (const Field& field : head.fields) {
    Field& kept = fields_.emplace_back(field);
    kept.name = keep(field.name);
    keep(kColon);
    kept.value = keep(field.value);
    keep(kLineEnd);
    kept.verbatim = true;
  }
  head_.fields = fields_;
  head_.content_type = find_field(head_.fields, FieldName::ContentType);
  head_.upgrade = {};  // of a 101 alone
}

std::string_view KeptResponse::keep(std::string_view text) {
  const std::size_t at = text_.size();
  text_ += text;
  return std::string_view(text_).substr(at);
}

}  // namespace engine::http
