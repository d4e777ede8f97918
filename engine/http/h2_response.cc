// SPDX-License-Identifier: GPL-3.0-or-later
// Responses of HTTP/2 out of the lines of their sections.
#include <algorithm>

#include "engine/http/h1_framing.h"
#include "engine/http/h1_lines.h"
#include "engine/http/h2_fields.h"
#include "engine/http/h2_head.h"

namespace engine::http {
namespace {

using base::Cause;

constexpr HeadResult kGood{.status = HeadStatus::Complete};

HeadResult bad(std::string_view why, Cause cause = Cause::ResponseInvalid) noexcept {
  return {.status = HeadStatus::Bad, .consumed = 0, .cause = cause, .why = why};
}

// The only pseudo-header field of a response (RFC 9113 section 8.3.2). HTTP/2 has no 101.
HeadResult take_status(std::string_view& lines, ResponseHead& head) noexcept {
  constexpr std::string_view kName = ":status: ";
  constexpr std::size_t kDigits = 3;
  const std::size_t end = lines.find("\r\n");
  if (!lines.starts_with(kName) || end != kName.size() + kDigits) return bad("bad :status");
  for (const char c : lines.substr(kName.size(), kDigits)) {
    if (c < '0' || c > '9') return bad("bad :status");
    head.status = static_cast<std::uint16_t>(head.status * 10 + (c - '0'));
  }
  lines.remove_prefix(end + 2);
  const bool known = head.status >= 100 && head.status <= 599 && head.status != 101;
  return known ? kGood : bad("status outside 100..599, or 101");
}

// The tunnel is open: the answer reads as it would in HTTP/1.1.
HeadResult show_switch(std::string_view protocol, ResponseHead& head) noexcept {
  head.status = 101;
  head.upgrade = protocol;
  return kGood;
}

HeadResult read_framing(const LineReader& in, bool ends, const H2Asked& asked,
                        ResponseHead& head) noexcept {
  const bool tunnel = !asked.protocol.empty();
  if (tunnel && head.status / 100 == 2) return show_switch(asked.protocol, head);
  std::uint64_t length = 0;
  if (in.has(FieldName::ContentLength) && !read_content_length(head.fields, length)) {
    return bad("bad Content-Length");
  }
  // Nobody compares the content of an answer to CONNECT with its length.
  head.has_content_length = in.has(FieldName::ContentLength) && !tunnel;
  if (head.has_content_length) head.content_length = length;
  const bool bodiless = head.interim() || head.status == 204 || head.status == 304;
  if (ends || bodiless || asked.method == Method::Head) return kGood;
  head.framing = head.has_content_length ? Framing::Length : Framing::Chunked;
  return kGood;
}

}  // namespace

HeadResult parse_h2_response(std::string_view lines, bool ends, const H2Asked& asked,
                             const HeadLimits& limits, HeadStorage& storage,
                             ResponseHead& head) noexcept {
  head = ResponseHead{};
  head.major_version = 2;
  std::string_view rest = lines;
  if (HeadResult result = take_status(rest, head); result.status == HeadStatus::Bad) return result;
  LineReader in{.at = rest.data(), .end = rest.data() + rest.size()};
  std::size_t count = 0;
  const std::size_t count_max = std::min<std::size_t>(limits.field_count, HeadStorage::kFieldsMax);
  if (in.fields(storage, count_max, count) != Reading::Good) {
    return in.too_many ? bad(in.why, Cause::ResponseHeadTooLarge) : bad("bad field line");
  }
  head.fields = storage.first(count);
  for (const Field& field : head.fields) {
    if (is_of_connection(field.known)) return bad("field of a connection");
  }
  head.has_date = in.has(FieldName::Date);
  head.has_server = in.has(FieldName::Server);
  head.content_type = find_field(head.fields, FieldName::ContentType);
  HeadResult result = read_framing(in, ends, asked, head);
  if (result.status == HeadStatus::Complete) {
    result.consumed = static_cast<std::uint32_t>(lines.size());
  }
  return result;
}

}  // namespace engine::http
