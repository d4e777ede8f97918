// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/head_writer.h"

#include <algorithm>

#include "engine/http/h1_lines.h"

namespace engine::http {

bool may_be_edited(std::string_view name) noexcept {
  switch (lookup(name)) {
    case FieldName::Connection:
    case FieldName::ContentLength:
    case FieldName::EngineHops:
    case FieldName::Expect:
    case FieldName::Host:
    case FieldName::Http2Settings:
    case FieldName::KeepAlive:
    case FieldName::ProxyConnection:
    case FieldName::Te:
    case FieldName::Trailer:
    case FieldName::TransferEncoding:
    case FieldName::Upgrade: return false;
    default: return is_token(name);
  }
}

bool HeadWriter::edited_slowly(std::string_view name) const noexcept {
  return std::ranges::any_of(edits_, [&](const FieldEdit& edit) {
    return equals_ignoring_case(edit.name, name) && may_be_edited(edit.name);
  });
}

void HeadWriter::edits() noexcept {
  for (const FieldEdit& edit : edits_) {
    // The configuration was checked before it came here; still, no value may ever make a line.
    const bool sound = std::ranges::all_of(edit.value, [](char c) { return is_value_char(c); });
    if (!edit.remove && sound && may_be_edited(edit.name)) line(edit.name, edit.value);
  }
}

bool HeadWriter::joined(std::string_view name, std::span<const Field> fields, FieldName known,
                        std::string_view separator) noexcept {
  bool any = false;
  text(name);
  text(": ");
  for (const Field& field : fields) {
    if (field.known != known || field.value.empty()) continue;
    if (any) text(separator);
    text(field.value);
    any = true;
  }
  return any;
}

}  // namespace engine::http
