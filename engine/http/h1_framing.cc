// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/h1_framing.h"

#include "engine/http/h1_lines.h"

namespace engine::http {
namespace {

constexpr int kNominationsMax = 64;

void read_option(std::string_view option, ConnectionOptions& options) {
  if (equals_ignoring_case(option, "close")) {
    options.close = true;
  } else if (equals_ignoring_case(option, "keep-alive")) {
    options.keep_alive = true;
  } else if (equals_ignoring_case(option, "upgrade")) {
    options.upgrade = true;
  } else if (!equals_ignoring_case(option, "te")) {
    options.names_fields = true;
  }
}

void mark(std::span<Field> fields, std::string_view name) {
  for (Field& field : fields) {
    if (field.known == FieldName::Other && equals_ignoring_case(field.name, name)) {
      field.nominated = true;
    }
  }
}

}  // namespace

ConnectionOptions read_connection(std::span<const Field> fields) noexcept {
  ConnectionOptions options;
  for (const Field& field : fields) {
    if (field.known != FieldName::Connection) continue;
    for_each_element(field.value, [&](std::string_view option) {
      read_option(option, options);
      return true;
    });
  }
  return options;
}

bool mark_nominated(std::span<Field> fields) noexcept {
  int count = 0;
  for (const Field& field : fields) {
    if (field.known != FieldName::Connection) continue;
    for_each_element(field.value, [&](std::string_view option) {
      if (lookup(option) == FieldName::Other) mark(fields, option);
      return ++count <= kNominationsMax;
    });
  }
  return count <= kNominationsMax;
}

Coding read_transfer_encoding(std::span<const Field> fields) noexcept {
  int chunked = 0;
  bool unknown = false;
  for (const Field& field : fields) {
    if (field.known != FieldName::TransferEncoding) continue;
    if (equals_ignoring_case(field.value, "chunked")) {
      ++chunked;
      continue;
    }
    // An empty element is legal in a list, but nobody honest writes one here.
    if (field.value.empty() || field.value.front() == ',' || field.value.back() == ',') {
      return Coding::Malformed;
    }
    bool malformed = false;
    for_each_element(field.value, [&](std::string_view coding) {
      const bool is_chunked = equals_ignoring_case(coding, "chunked");
      chunked += is_chunked ? 1 : 0;
      unknown = unknown || !is_chunked;
      malformed = malformed || !is_token(coding);
      return !malformed;
    });
    if (malformed) return Coding::Malformed;
  }
  if (unknown) return Coding::Unknown;
  return chunked == 1 ? Coding::Chunked : Coding::Malformed;
}

bool read_content_length(std::span<const Field> fields, std::uint64_t& length) noexcept {
  bool found = false;
  for (const Field& field : fields) {
    if (field.known != FieldName::ContentLength) continue;
    if (found || field.value.empty()) return false;
    found = true;
    std::uint64_t value = 0;
    for (const char c : field.value) {
      if (c < '0' || c > '9' || value > (INT64_MAX - 9) / 10) return false;
      value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    length = value;
  }
  return found;
}

}  // namespace engine::http
