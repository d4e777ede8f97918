// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "engine/http/h1_framing.h"
#include "engine/http/h1_head.h"
#include "engine/http/h1_lines.h"
#include "engine/http/h1_scan.h"

namespace engine::http {
namespace {

using base::Cause;

constexpr HeadResult kGood{
    .status = HeadStatus::Complete, .consumed = 0, .cause = Cause::None, .why = {}};

HeadResult bad(std::string_view why, Cause cause = Cause::ResponseInvalid) noexcept {
  return {.status = HeadStatus::Bad, .consumed = 0, .cause = cause, .why = why};
}

// "HTTP/1.x " and three digits. What arrived so far must fit, so that a target that speaks no HTTP
// is found out at its first byte.
HeadResult read_version_and_status(LineReader& in, ResponseHead& head) noexcept {
  constexpr std::string_view kPattern = "HTTP/1.d ddd";  // 'd' stands for a digit
  const std::size_t left = std::min(static_cast<std::size_t>(in.end - in.at), kPattern.size());
  for (std::size_t i = 0; i < left; ++i) {
    const char c = in.at[i];
    const bool digit = c >= '0' && c <= '9';
    if (kPattern[i] == 'd' ? !digit : c != kPattern[i]) return bad("bad status line");
  }
  if (left < kPattern.size()) return {};
  head.minor_version = in.at[7] == '0' ? 0 : 1;
  head.status = static_cast<std::uint16_t>((in.at[9] - '0') * 100 + (in.at[10] - '0') * 10 +
                                           (in.at[11] - '0'));
  in.at += kPattern.size();
  return head.status >= 100 && head.status <= 599 ? kGood : bad("status outside 100..599");
}

HeadResult read_status_line(LineReader& in, ResponseHead& head) noexcept {
  if (HeadResult result = read_version_and_status(in, head); result.status != HeadStatus::Complete)
    return result;
  // Many servers leave out the space when there is no reason phrase; nothing is ambiguous about
  // that.
  if (in.at != in.end && *in.at == ' ') {
    const char* const reason = ++in.at;
    in.at = skip_value(in.at, in.end);
    head.reason = {reason, static_cast<std::size_t>(in.at - reason)};
  }
  const Reading reading = in.line_end("bad status line");
  if (reading == Reading::Short) return {};
  return reading == Reading::Good ? kGood : bad(in.why);
}

HeadResult read_framing(const LineReader& in, Method request_method, ResponseHead& head) noexcept {
  head.has_content_length = in.has(FieldName::ContentLength);
  const bool has_coding = in.has(FieldName::TransferEncoding);
  if (has_coding) {
    if (head.has_content_length) return bad("Content-Length and Transfer-Encoding");
    if (head.minor_version == 0) return bad("Transfer-Encoding in HTTP/1.0");
    if (read_transfer_encoding(head.fields) != Coding::Chunked) return bad("bad Transfer-Encoding");
  }
  if (head.has_content_length && !read_content_length(head.fields, head.content_length)) {
    return bad("bad Content-Length");
  }
  if (head.interim() || head.status == 204) {
    // A server that announces a body here may send one: nothing behind it can be trusted.
    if (has_coding || head.content_length != 0) head.keep_alive = false;
    head.framing = Framing::None;
    return kGood;
  }
  if (request_method == Method::Head || head.status == 304) {
    head.framing = Framing::None;
    return kGood;
  }
  head.framing = has_coding                ? Framing::Chunked
                 : head.has_content_length ? Framing::Length
                                           : Framing::UntilClose;
  if (head.framing == Framing::UntilClose) head.keep_alive = false;
  return kGood;
}

HeadResult read_switch(const LineReader& in, bool upgrade_asked, ResponseHead& head) noexcept {
  if (!upgrade_asked) return bad("101 to a request that did not ask for it");
  head.upgrade = find_field(head.fields, FieldName::Upgrade);
  if (!in.has(FieldName::Upgrade) || head.upgrade.empty()) return bad("101 without Upgrade");
  head.keep_alive = false;
  return kGood;
}

HeadResult judge_fields(const LineReader& in, std::span<Field> fields, Method request_method,
                        bool upgrade_asked, ResponseHead& head) noexcept {
  head.keep_alive = head.minor_version >= 1;
  if (in.has(FieldName::Connection)) {
    const ConnectionOptions options = read_connection(head.fields);
    head.keep_alive = !options.close && (head.minor_version >= 1 || options.keep_alive);
    if (options.names_fields && !mark_nominated(fields)) return bad("too many Connection options");
  }
  head.has_date = in.has(FieldName::Date);
  head.has_server = in.has(FieldName::Server);
  if (in.has(FieldName::ContentType))
    head.content_type = find_field(head.fields, FieldName::ContentType);
  if (HeadResult result = read_framing(in, request_method, head);
      result.status != HeadStatus::Complete) {
    return result;
  }
  return head.status == 101 ? read_switch(in, upgrade_asked, head) : kGood;
}

HeadResult parse_from_start(std::string_view bytes, const HeadLimits& limits, HeadStorage& storage,
                            Method request_method, bool upgrade_asked,
                            ResponseHead& head) noexcept {
  const HeadWindow window = window_of(bytes.size(), limits);
  LineReader in{.at = bytes.data(), .end = bytes.data() + window.line};
  head = ResponseHead{};
  const HeadResult line = read_status_line(in, head);
  if (line.status == HeadStatus::Incomplete && window.line_cut) {
    return bad("status line too long", Cause::ResponseHeadTooLarge);
  }
  if (line.status != HeadStatus::Complete) return line;

  in.end = bytes.data() + window.head;
  std::size_t count = 0;
  const Reading reading = in.fields(storage, window.fields, count);
  if (reading == Reading::Wrong) {
    return bad(in.why, in.too_many ? Cause::ResponseHeadTooLarge : Cause::ResponseInvalid);
  }
  if (reading == Reading::Short) {
    return window.head_cut ? bad("head too large", Cause::ResponseHeadTooLarge) : HeadResult{};
  }
  head.fields = storage.first(count);
  HeadResult result =
      judge_fields(in, {storage.data(), count}, request_method, upgrade_asked, head);
  if (result.status == HeadStatus::Complete) {
    result.consumed = static_cast<std::uint32_t>(in.at - bytes.data());
  }
  return result;
}

}  // namespace

HeadResult parse_response(std::string_view bytes, std::uint32_t& scanned, const HeadLimits& limits,
                          HeadStorage& storage, Method request_method, bool upgrade_asked,
                          ResponseHead& head) noexcept {
  if (bytes.empty() || !worth_parsing(bytes, scanned, limits)) {
    if (!bytes.empty()) note_scanned(bytes, scanned);
    return {};
  }
  const HeadResult result =
      parse_from_start(bytes, limits, storage, request_method, upgrade_asked, head);
  if (result.status == HeadStatus::Incomplete) note_scanned(bytes, scanned);
  return result;
}

}  // namespace engine::http
