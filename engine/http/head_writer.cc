// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/head_writer.h"

#include <algorithm>

#include "engine/base/check.h"
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

namespace {

bool is_value(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return is_value_char(c); });
}

// The configuration was checked before it came here; still, no value may ever make a line.
bool is_sound(const FieldEdit& edit, const Places& places) noexcept {
  return is_value(edit.value) && (!edit.has_places || std::ranges::all_of(places.values, is_value));
}

bool replaces(const FieldEdit& edit, std::string_view name) noexcept {
  switch (edit.kind) {
    case FieldEdit::Kind::Set:
    case FieldEdit::Kind::Remove: return equals_ignoring_case(edit.name, name);
    case FieldEdit::Kind::RemovePrefix:
      return equals_ignoring_case(edit.name, name.substr(0, edit.name.size()));
    case FieldEdit::Kind::Default: break;
  }
  return false;
}

}  // namespace

bool HeadWriter::edited_slowly(std::string_view name) const noexcept {
  return std::ranges::any_of(
      edits_, [&](const FieldEdit& edit) { return replaces(edit, name) && may_be_edited(name); });
}

void HeadWriter::write_edits(const Places& places) noexcept {
  using Kind = FieldEdit::Kind;
  for (const FieldEdit& edit : edits_) {
    if (edit.kind == Kind::Remove || edit.kind == Kind::RemovePrefix) continue;
    if (!may_be_edited(edit.name) || !is_sound(edit, places)) continue;
    if (edit.kind == Kind::Default && written(edit.name)) continue;
    text(edit.name);
    text(": ");
    if (edit.has_places) {
      ENSURE(places.values.size() == places.names.size(), "an edit has places without values");
      fill_places(edit.value, places, [this](std::string_view piece) { text(piece); });
    } else {
      text(edit.value);
    }
    text("\r\n");
  }
}

// Whatever the field came from: the peer, the engine or another edit.
bool HeadWriter::written(std::string_view name) const noexcept {
  std::string_view rest(begin_, static_cast<std::size_t>(at_ - begin_));
  for (std::size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
    rest.remove_prefix(end + 1);
    if (rest.size() > name.size() && rest[name.size()] == ':' &&
        equals_ignoring_case(rest.substr(0, name.size()), name))
      return true;
  }
  return false;
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
