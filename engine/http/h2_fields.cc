// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/h2_fields.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/http/h1_lines.h"

namespace engine::http {
namespace {

constexpr std::size_t kFieldsUsual = 24;

nghttp2_nv pair(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

// Field lines up to their end or the empty line. The library makes the names small.
template <typename Visit>
void for_each_line(std::string_view lines, Visit visit) {
  LineReader in{.at = lines.data(), .end = lines.data() + lines.size()};
  while (in.at != in.end && *in.at != '\r') {
    Field field;
    ENSURE(in.field(field) == Reading::Good, "a line that is sent is no field line");
    visit(field);
  }
}

void add_lines(std::string_view lines, H2FieldList& list) {
  for_each_line(lines, [&](const Field& field) {
    if (!is_of_connection(field.known)) list.push_back(pair(field.name, field.value));
  });
}

// What a handshake over HTTP/1.1 needs and a tunnel of HTTP/2 has no place for (RFC 8441 section 5).
bool is_of_handshake(const nghttp2_nv& field) {
  const std::string_view name(reinterpret_cast<const char*>(field.name), field.namelen);
  return equals_ignoring_case(name, "Sec-WebSocket-Key") ||
         equals_ignoring_case(name, "Content-Length");
}

}  // namespace

bool is_of_connection(FieldName name) {
  switch (name) {
    case FieldName::Connection:
    case FieldName::KeepAlive:
    case FieldName::ProxyConnection:
    case FieldName::Te:
    case FieldName::TransferEncoding:
    case FieldName::Upgrade: return true;
    default: return false;
  }
}

H2FieldList response_fields(std::string_view head, bool tunnel) {
  constexpr std::size_t kStatusAt = 9;
  const std::size_t line = head.find("\r\n");
  ENSURE(head.starts_with("HTTP/1.1 ") && line != std::string_view::npos && line >= kStatusAt + 3,
         "a head that is sent has no status line");
  const std::string_view status = head.substr(kStatusAt, 3);
  H2FieldList list;
  list.reserve(kFieldsUsual);
  list.push_back(pair(":status", tunnel && status == "101" ? "200" : status));
  add_lines(head.substr(line + 2), list);
  return list;
}

H2FieldList trailer_fields(std::string_view lines) {
  H2FieldList list;
  add_lines(lines, list);
  return list;
}

H2RequestFields request_fields(std::string_view head, std::string_view scheme) {
  constexpr std::string_view kVersion = " HTTP/1.1";
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const std::size_t space = line.find(' ');
  ENSURE(line.size() < head.size() && line.ends_with(kVersion) &&
             space + 1 + kVersion.size() < line.size(),
         "a head that is sent has no request line");
  H2RequestFields made;
  made.method = line.substr(0, space);
  std::string_view target = line.substr(space + 1);
  target.remove_suffix(kVersion.size());

  std::string_view authority;
  H2FieldList& list = made.list;
  list.reserve(kFieldsUsual);
  list.resize(2);  // :method, and :authority where there is one
  list.push_back(pair(":scheme", scheme));
  list.push_back(pair(":path", target));
  for_each_line(head.substr(line.size() + 2), [&](const Field& field) {
    if (field.known == FieldName::Host) {
      authority = field.value;
    } else if (field.known == FieldName::Upgrade) {
      // A client names what it likes best first; :protocol has room for one.
      made.protocol = trim(field.value.substr(0, field.value.find(',')));
    } else if (field.known == FieldName::Te ? equals_ignoring_case(field.value, "trailers")
                                            : !is_of_connection(field.known)) {
      list.push_back(pair(field.name, field.value));
    }
  });

  const bool tunnel = !made.protocol.empty();
  list[0] = pair(":method", tunnel ? "CONNECT" : made.method);
  list[1] = pair(":authority", authority);
  if (tunnel) {
    std::erase_if(list, is_of_handshake);
    list.insert(list.begin() + 1, pair(":protocol", made.protocol));
  }
  if (authority.empty()) list.erase(list.begin() + (tunnel ? 2 : 1));
  return made;
}

}  // namespace engine::http
