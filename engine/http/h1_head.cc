// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/h1_head.h"

#include <algorithm>

#include "engine/http/h1_framing.h"
#include "engine/http/h1_lines.h"
#include "engine/http/h1_scan.h"
#include "engine/http/request_fields.h"
#include "engine/http/target.h"

namespace engine::http {
namespace {

using base::Cause;

HeadResult bad(Cause cause, std::string_view why) noexcept {
  return {.status = HeadStatus::Bad, .consumed = 0, .cause = cause, .why = why};
}

// "HTTP/1.x" CR LF; a later minor version is 1.1 to us (RFC 9110 section 6.2).
HeadResult read_version(LineReader& in, RequestHead& head) noexcept {
  constexpr std::size_t kVersionBytes = 8;
  const auto left = static_cast<std::size_t>(in.end - in.at);
  const std::string_view text(in.at, std::min(left, kVersionBytes));
  if (text.substr(0, 5) != std::string_view("HTTP/").substr(0, text.size())) {
    return bad(Cause::BadRequest, "bad version");
  }
  if (left < kVersionBytes) return {};
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!digit(text[5]) || text[6] != '.' || !digit(text[7]))
    return bad(Cause::BadRequest, "bad version");
  in.at += kVersionBytes;
  const Reading reading = in.line_end("bad version");
  if (reading == Reading::Short) return {};
  if (reading == Reading::Wrong) return bad(Cause::BadRequest, in.why);
  if (text[5] != '1') return bad(Cause::VersionRefused, "version other than HTTP/1.x");
  head.major_version = 1;
  head.minor_version = text[7] == '0' ? 0 : 1;
  return {.status = HeadStatus::Complete};
}

HeadResult read_request_line(LineReader& in, RequestHead& head) noexcept {
  const char* const method = in.at;
  in.at = skip_token(in.at, in.end);
  if (in.at == in.end) return {};
  if (in.at == method) {
    return bad(Cause::BadRequest, *method == 0x16 ? "TLS on a plain port" : "no method");
  }
  if (*in.at != ' ') return bad(Cause::BadRequest, "bad method");
  head.method_text = {method, static_cast<std::size_t>(in.at - method)};

  const char* const target = ++in.at;
  in.at = skip_target(in.at, in.end);
  if (in.at == in.end) return {};
  if (*in.at != ' ' || in.at == target) return bad(Cause::BadRequest, "bad request target");
  head.target = {target, static_cast<std::size_t>(in.at - target)};
  ++in.at;
  return read_version(in, head);
}

// http://authority[/path][?query]; anything else is wrong. The empty path of OPTIONS means "*".
bool read_absolute_form(RequestHead& head) noexcept {
  const std::size_t scheme = head.target.find("://");
  if (scheme == std::string_view::npos) return false;
  const std::string_view name = head.target.substr(0, scheme);
  if (!equals_ignoring_case(name, "http") && !equals_ignoring_case(name, "https")) return false;
  const std::string_view rest = head.target.substr(scheme + 3);
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  head.authority = rest.substr(0, end);
  head.absolute_form = true;
  split_path(rest.substr(end), head);
  if (head.path.empty()) {
    head.path = head.method == Method::Options && !head.has_query ? "*" : "/";
  }
  return valid_host(head.authority);
}

HeadResult read_target(RequestHead& head) noexcept {
  head.method = method_of(head.method_text);
  if (head.method == Method::Connect || head.method == Method::Trace || head.method_text == "PRI") {
    return bad(Cause::MethodRefused, "method refused");
  }
  if (head.target.front() == '/') {
    split_path(head.target, head);
  } else if (head.target == "*") {
    if (head.method != Method::Options) return bad(Cause::BadRequest, "\"*\" is for OPTIONS only");
    head.path = head.target;
  } else if (!read_absolute_form(head)) {
    return bad(Cause::BadRequest, "bad request target");
  }
  // Two readers of a broken escape may disagree about the path. Queries are nobody's but the
  // target's.
  if (!valid_escapes(head.path)) return bad(Cause::BadRequest, "bad percent escape in the path");
  return {.status = HeadStatus::Complete};
}

HeadResult check_host(const LineReader& in, RequestHead& head) noexcept {
  if (!in.has(FieldName::Host)) {
    if (head.minor_version == 0) return {.status = HeadStatus::Complete};
    return bad(Cause::BadRequest, "no Host");
  }
  if (in.has_several(FieldName::Host)) return bad(Cause::BadRequest, "two Host fields");
  const std::string_view host = find_field(head.fields, FieldName::Host);
  // An empty Host is the proper one only of a target that has no authority.
  if (!valid_host(host) && !(head.absolute_form && host.empty())) {
    return bad(Cause::BadRequest, "bad Host");
  }
  if (!head.absolute_form) head.authority = host;
  return {.status = HeadStatus::Complete};
}

HeadResult check_framing(const LineReader& in, RequestHead& head) noexcept {
  const bool has_length = in.has(FieldName::ContentLength);
  if (in.has(FieldName::TransferEncoding)) {
    if (has_length) return bad(Cause::BadRequest, "Content-Length and Transfer-Encoding");
    if (head.minor_version == 0) return bad(Cause::BadRequest, "Transfer-Encoding in HTTP/1.0");
    const Coding coding = read_transfer_encoding(head.fields);
    if (coding == Coding::Unknown) return bad(Cause::CodingUnknown, "unknown transfer coding");
    if (coding == Coding::Malformed) return bad(Cause::BadRequest, "bad Transfer-Encoding");
    head.framing = Framing::Chunked;
    return {.status = HeadStatus::Complete};
  }
  if (has_length) {
    if (!read_content_length(head.fields, head.content_length)) {
      return bad(Cause::BadRequest, "bad Content-Length");
    }
    head.framing = Framing::Length;
  }
  return {.status = HeadStatus::Complete};
}

// A list of protocols; h2c by upgrade is not performed, so asking for it is asking for nothing.
bool may_upgrade_to(std::string_view protocols) noexcept {
  bool good = !protocols.empty();
  for_each_element(protocols, [&](std::string_view protocol) {
    const std::size_t slash = std::min(protocol.find('/'), protocol.size());
    const std::string_view version = protocol.substr(slash);
    good = good && is_token(protocol.substr(0, slash)) &&
           (version.empty() || is_token(version.substr(1))) &&
           !equals_ignoring_case(protocol, "h2c");
    return good;
  });
  return good;
}

void read_upgrade(RequestHead& head) noexcept {
  std::string_view wanted;
  for (const Field& field : head.fields) {
    if (field.known != FieldName::Upgrade) continue;
    if (wanted.data() != nullptr) return;  // several fields: no client means that
    wanted = field.value;
  }
  if (may_upgrade_to(wanted)) head.upgrade = wanted;
}

HeadResult judge_fields(const LineReader& in, std::span<Field> fields, RequestHead& head) noexcept {
  if (HeadResult host = check_host(in, head); host.status != HeadStatus::Complete) return host;
  if (HeadResult framing = check_framing(in, head); framing.status != HeadStatus::Complete)
    return framing;
  head.keep_alive = head.minor_version >= 1;
  if (in.has(FieldName::Connection)) {
    const ConnectionOptions options = read_connection(head.fields);
    head.keep_alive = !options.close && (head.minor_version >= 1 || options.keep_alive);
    if (options.names_fields && !mark_nominated(fields)) {
      return bad(Cause::BadRequest, "too many Connection options");
    }
    if (options.upgrade && head.minor_version >= 1) read_upgrade(head);
  }
  read_other_fields(head);
  if (in.has(FieldName::Expect) && !read_expect(head)) {
    return bad(Cause::ExpectationRefused, "unknown expectation");
  }
  return {.status = HeadStatus::Complete};
}

// Reads everything there is, from the front. Incomplete when the bytes end first.
HeadResult parse_from_start(std::string_view bytes, std::size_t start, const HeadLimits& limits,
                            HeadStorage& storage, RequestHead& head) noexcept {
  const std::size_t left = bytes.size() - start;
  const HeadWindow window = window_of(left, limits);
  const char* const first = bytes.data() + start;
  LineReader in{.at = first, .end = first + window.line};
  head = RequestHead{};
  const HeadResult line = read_request_line(in, head);
  if (line.status == HeadStatus::Incomplete && window.line_cut) {
    return bad(Cause::TargetTooLong, "request line too long");
  }
  if (line.status != HeadStatus::Complete) return line;
  if (HeadResult target = read_target(head); target.status != HeadStatus::Complete) return target;

  in.end = first + window.head;
  std::size_t count = 0;
  const Reading reading = in.fields(storage, window.fields, count);
  if (reading == Reading::Wrong) {
    return bad(in.too_many ? Cause::HeadTooLarge : Cause::BadRequest, in.why);
  }
  if (reading == Reading::Short) {
    return window.head_cut ? bad(Cause::HeadTooLarge, "head too large") : HeadResult{};
  }
  head.fields = storage.first(count);
  HeadResult result = judge_fields(in, {storage.data(), count}, head);
  if (result.status == HeadStatus::Complete) {
    result.consumed = static_cast<std::uint32_t>(in.at - bytes.data());
  }
  return result;
}

}  // namespace

HeadResult parse_request(std::string_view bytes, std::uint32_t& scanned, const HeadLimits& limits,
                         HeadStorage& storage, RequestHead& head) noexcept {
  std::size_t start = 0;
  while (bytes.substr(start, 2) == "\r\n") start += 2;
  if (start > 2 * std::size_t{kEmptyLinesMax})
    return bad(Cause::BadRequest, "too many empty lines");
  const std::string_view rest = bytes.substr(start);
  if (rest.empty() || rest == "\r") {
    return {.status = HeadStatus::Incomplete, .consumed = static_cast<std::uint32_t>(start)};
  }
  HeadResult result;
  if (worth_parsing(rest, scanned, limits)) {
    result = parse_from_start(bytes, start, limits, storage, head);
  }
  if (result.status == HeadStatus::Incomplete) note_scanned(rest, scanned);
  return result;
}

}  // namespace engine::http
