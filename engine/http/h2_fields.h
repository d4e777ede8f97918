// SPDX-License-Identifier: GPL-3.0-or-later
// Heads that are sent: HTTP/1.1 text of ours into the field lists of libnghttp2. The lists point into
// the text. For the codecs' own files only.
#pragma once

#include <nghttp2/nghttp2.h>

#include <string_view>
#include <vector>

#include "engine/http/names.h"

namespace engine::http {

using H2FieldList = std::vector<nghttp2_nv>;

// RFC 9113 section 8.2.2. TE is one of them too, but for "TE: trailers" in a request.
[[nodiscard]] bool is_of_connection(FieldName name);

// "HTTP/1.1 200 OK" and field lines. A 101 to a tunnel becomes the 200 of RFC 8441.
[[nodiscard]] H2FieldList response_fields(std::string_view head, bool tunnel);

// Field lines alone.
[[nodiscard]] H2FieldList trailer_fields(std::string_view lines);

// "GET /path HTTP/1.1" and field lines.
struct H2RequestFields {
  H2FieldList list;
  std::string_view method;    // as it was written
  std::string_view protocol;  // that an upgrade asks for: the list is then that of a tunnel
};
[[nodiscard]] H2RequestFields request_fields(std::string_view head, std::string_view scheme);

}  // namespace engine::http
