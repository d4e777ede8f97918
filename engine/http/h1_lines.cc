// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/h1_lines.h"

namespace engine::http {

static_assert(static_cast<unsigned>(FieldName::kCount) <= 64,
              "LineReader::seen has a bit per name");

bool is_token(std::string_view text) noexcept {
  if (text.empty()) return false;
  return skip_token(text.data(), text.data() + text.size()) == text.data() + text.size();
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Only said when it is not CR LF.
Reading LineReader::bad_line_end(std::string_view otherwise) noexcept {
  if (at == end) return Reading::Short;
  if (*at == '\n') return wrong("bare LF");
  if (*at != '\r') return wrong(otherwise);
  return end - at < 2 ? Reading::Short : wrong("bare CR");
}

Reading LineReader::field(Field& field) noexcept {
  const char* const name = at;
  const char* const plain = skip_plain_name(name, end);
  const char* const colon = skip_token(plain, end);
  at = colon;
  if (colon == end) return Reading::Short;
  if (*colon != ':') {
    const bool folded = colon == name && is_blank(*colon);
    return wrong(folded ? "folded line, or space before a field name" : "bad field name");
  }
  if (colon == name) return wrong("empty field name");

  const char* value = colon + 1;
  while (value != end && is_blank(*value)) ++value;
  const char* const stop = skip_value(value, end);
  const char* last = stop;
  while (last != value && is_blank(last[-1])) --last;

  field.name = {name, static_cast<std::size_t>(colon - name)};
  field.value = {value, static_cast<std::size_t>(last - value)};
  // Where the plain part ends at the colon there is no '_' to look for.
  field.known = plain == colon ? lookup_plain(field.name) : lookup(field.name);
  field.nominated = false;
  field.verbatim = value - colon == 2 && value[-1] == ' ' && last == stop;
  at = stop;
  return line_end("control character in a field value");
}

Reading LineReader::fields(HeadStorage& storage, std::size_t count_max,
                           std::size_t& count) noexcept {
  count = 0;
  for (;;) {
    if (at == end) return Reading::Short;
    if (*at == '\r') return line_end("bare CR");
    if (count == count_max) {
      too_many = true;
      return wrong("too many fields");
    }
    Field& next = storage.data()[count];
    const Reading reading = field(next);
    if (reading != Reading::Good) return reading;
    const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(next.known);
    repeated |= seen & bit;
    seen |= bit;
    ++count;
  }
}

}  // namespace engine::http
