// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/h2_head.h"

#include <algorithm>

#include "engine/http/h1_framing.h"
#include "engine/http/h1_lines.h"
#include "engine/http/request_fields.h"
#include "engine/http/rules.h"
#include "engine/http/target.h"

namespace engine::http {
namespace {

using base::Cause;

// No peer can send pseudo-header fields of these names: the codec refuses all it does not know.
constexpr std::string_view kEnds = ":ends: yes\r\n";
constexpr std::string_view kGoesOn = ":ends: no\r\n";

constexpr std::size_t kFieldOverheadBytes = 32;  // RFC 9113 section 6.5.2

constexpr HeadResult kGood{.status = HeadStatus::Complete};

HeadResult bad(std::string_view why, Cause cause = Cause::BadRequest) noexcept {
  return {.status = HeadStatus::Bad, .consumed = 0, .cause = cause, .why = why};
}

bool is_value(std::string_view value) noexcept {
  return skip_value(value.data(), value.data() + value.size()) == value.data() + value.size();
}

struct PseudoFields {
  std::string_view method, scheme, authority, path, protocol;
  bool ends = false;
};

// Takes the pseudo-header lines from the front. The library has seen to it that they come first and
// once, and that no line end is inside a value.
bool take_pseudo_fields(std::string_view& lines, PseudoFields& pseudo) noexcept {
  while (lines.starts_with(':')) {
    const std::size_t colon = lines.find(": ", 1);
    const std::size_t end = lines.find("\r\n");
    if (colon > end || end == std::string_view::npos) return false;
    const std::string_view name = lines.substr(1, colon - 1);
    const std::string_view value = lines.substr(colon + 2, end - colon - 2);
    lines.remove_prefix(end + 2);
    if (name == "method") {
      pseudo.method = value;
    } else if (name == "scheme") {
      pseudo.scheme = value;
    } else if (name == "authority") {
      pseudo.authority = value;
    } else if (name == "path") {
      pseudo.path = value;
    } else if (name == "protocol") {
      pseudo.protocol = value;
    } else if (name == "ends") {
      pseudo.ends = value == "yes";
    } else {
      return false;
    }
  }
  return true;
}

// RFC 8441: CONNECT with :protocol stands for a GET that asks for an upgrade.
HeadResult read_method(const PseudoFields& pseudo, RequestHead& head) noexcept {
  if (!is_token(pseudo.method)) return bad("bad :method");
  head.method_text = pseudo.method;
  head.method = method_of(pseudo.method);
  if (head.method == Method::Connect && !pseudo.protocol.empty()) {
    if (!is_token(pseudo.protocol)) return bad("bad :protocol");
    head.extended_connect = true;
    head.upgrade = pseudo.protocol;
    head.method = Method::Get;
    head.method_text = "GET";
    return kGood;
  }
  if (!pseudo.protocol.empty()) return bad(":protocol without CONNECT");
  if (head.method == Method::Connect || head.method == Method::Trace || head.method_text == "PRI") {
    return bad("method refused", Cause::MethodRefused);
  }
  return kGood;
}

HeadResult read_target(const PseudoFields& pseudo, const HeadLimits& limits,
                       RequestHead& head) noexcept {
  if (!equals_ignoring_case(pseudo.scheme, "http") &&
      !equals_ignoring_case(pseudo.scheme, "https")) {
    return bad("bad :scheme");
  }
  const std::string_view path = pseudo.path;
  if (path.empty() || skip_target(path.data(), path.data() + path.size()) != path.end()) {
    return bad("bad :path");
  }
  if (path.size() > limits.line_bytes) return bad(":path too long", Cause::TargetTooLong);
  const bool asterisk = path == "*" && head.method == Method::Options;
  if (path.front() != '/' && !asterisk) return bad("bad :path");
  head.target = path;
  split_path(path, head);
  return valid_escapes(head.path) ? kGood : bad("bad percent escape in the path");
}

// RFC 9113 section 8.3.1: Host, where it comes too, says the same.
HeadResult read_authority(const PseudoFields& pseudo, const LineReader& in,
                          RequestHead& head) noexcept {
  if (in.has_several(FieldName::Host)) return bad("two Host fields");
  const std::string_view host = find_field(head.fields, FieldName::Host);
  head.absolute_form = !pseudo.authority.empty();
  head.authority = head.absolute_form ? pseudo.authority : host;
  if (!valid_host(head.authority)) return bad("bad authority");
  if (in.has(FieldName::Host) && !equals_ignoring_case(host, head.authority)) {
    return bad("Host differs from :authority");
  }
  return kGood;
}

// RFC 9113 section 8.2.2.
bool has_connection_fields(const LineReader& in) noexcept {
  return in.has(FieldName::Connection) || in.has(FieldName::KeepAlive) ||
         in.has(FieldName::ProxyConnection) || in.has(FieldName::TransferEncoding) ||
         in.has(FieldName::Upgrade);
}

HeadResult read_framing(const PseudoFields& pseudo, const LineReader& in,
                        RequestHead& head) noexcept {
  if (head.extended_connect) return kGood;
  if (in.has(FieldName::ContentLength)) {
    if (!read_content_length(head.fields, head.content_length)) return bad("bad Content-Length");
    head.framing = Framing::Length;
  } else if (!pseudo.ends) {
    head.framing = Framing::Chunked;
  }
  return kGood;
}

HeadResult judge_fields(const PseudoFields& pseudo, const LineReader& in,
                        RequestHead& head) noexcept {
  if (has_connection_fields(in)) return bad("field of a connection");
  if (HeadResult result = read_authority(pseudo, in, head); result.status == HeadStatus::Bad)
    return result;
  if (HeadResult result = read_framing(pseudo, in, head); result.status == HeadStatus::Bad)
    return result;
  for (const Field& field : head.fields) {
    if (field.known == FieldName::Te && !equals_ignoring_case(field.value, "trailers"))
      return bad("TE other than trailers");
  }
  read_other_fields(head);
  if (!read_expect(head)) return bad("unknown expectation", Cause::ExpectationRefused);
  return kGood;
}

}  // namespace

void H2Section::begin(std::uint32_t bytes_max, std::uint32_t count_max) {
  lines_.clear();
  bytes_ = 0;
  bytes_max_ = bytes_max;
  count_left_ = count_max;
  fault_ = Fault::None;
}

void H2Section::begin_request(bool ends, const HeadLimits& limits) {
  begin(limits.head_bytes, limits.field_count);
  trailers_ = false;
  lines_.append(ends ? kEnds : kGoesOn);
}

void H2Section::begin_response(const HeadLimits& limits) {
  begin(limits.head_bytes, limits.field_count);
  trailers_ = false;
}

void H2Section::begin_trailers(std::uint32_t bytes_max, std::uint32_t count_max) {
  begin(bytes_max, count_max);
  trailers_ = true;
}

void H2Section::add(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size() + kFieldOverheadBytes;
  if (fault_ != Fault::None) return;
  const bool pseudo = name.starts_with(':');
  if (bytes_ > bytes_max_ || (!pseudo && count_left_ == 0)) {
    fault_ = Fault::TooLarge;
    return;
  }
  if (!pseudo) --count_left_;
  // Nothing of a field may become a line, a field or a body of HTTP/1.
  const bool blank_around = !value.empty() && (is_blank(value.front()) || is_blank(value.back()));
  const bool name_is_good = pseudo ? is_token(name.substr(1)) : is_token(name);
  if (!name_is_good || blank_around || !is_value(value)) {
    fault_ = Fault::Malformed;
    return;
  }
  if (!trailers_ || may_be_trailer(name)) line(name, value);
}

void H2Section::line(std::string_view name, std::string_view value) {
  const std::size_t size = name.size() + value.size() + 4;
  char* at = lines_.room(size).data();
  for (const std::string_view part :
       {name, std::string_view(": "), value, std::string_view("\r\n")})
    at = std::copy(part.begin(), part.end(), at);
  lines_.commit(size);
}

void H2Section::end() { lines_.append("\r\n"); }

HeadResult parse_h2_request(std::string_view lines, const HeadLimits& limits, HeadStorage& storage,
                            RequestHead& head) noexcept {
  head = RequestHead{};
  head.major_version = 2;
  PseudoFields pseudo;
  std::string_view rest = lines;
  if (!take_pseudo_fields(rest, pseudo)) return bad("bad pseudo-header field");
  if (HeadResult result = read_method(pseudo, head); result.status == HeadStatus::Bad)
    return result;
  if (HeadResult result = read_target(pseudo, limits, head); result.status == HeadStatus::Bad)
    return result;

  LineReader in{.at = rest.data(), .end = rest.data() + rest.size()};
  std::size_t count = 0;
  const std::size_t count_max = std::min<std::size_t>(limits.field_count, HeadStorage::kFieldsMax);
  if (in.fields(storage, count_max, count) != Reading::Good) {
    return in.too_many ? bad(in.why, Cause::HeadTooLarge) : bad("bad field line");
  }
  head.fields = storage.first(count);
  HeadResult result = judge_fields(pseudo, in, head);
  if (result.status == HeadStatus::Complete) {
    result.consumed = static_cast<std::uint32_t>(lines.size());
  }
  return result;
}

}  // namespace engine::http
