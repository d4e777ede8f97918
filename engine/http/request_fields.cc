// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/request_fields.h"

#include <algorithm>
#include <cstring>

#include "engine/http/h1_framing.h"

namespace engine::http {
namespace {

// At most kHopsMax, so that adding one never overflows; what is no number counts as none.
std::uint16_t read_hops(std::string_view text) noexcept {
  std::uint16_t hops = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return 0;
    if (hops >= RequestHead::kHopsMax / 10) return RequestHead::kHopsMax;
    hops = static_cast<std::uint16_t>(hops * 10 + (c - '0'));
  }
  return hops;
}

void read_te(std::string_view value, RequestHead& head) noexcept {
  for_each_element(value, [&](std::string_view coding) {
    head.has_te_trailers = head.has_te_trailers || equals_ignoring_case(coding, "trailers");
    return true;
  });
}

}  // namespace

void split_path(std::string_view text, RequestHead& head) noexcept {
  const auto* mark = static_cast<const char*>(std::memchr(text.data(), '?', text.size()));
  head.has_query = mark != nullptr;
  const std::size_t size =
      mark == nullptr ? text.size() : static_cast<std::size_t>(mark - text.data());
  head.path = text.substr(0, size);
  head.query = mark == nullptr ? std::string_view() : text.substr(size + 1);
}

void read_other_fields(RequestHead& head) noexcept {
  for (const Field& field : head.fields) {
    switch (field.known) {
      case FieldName::Accept:
        if (head.accept.data() == nullptr) head.accept = field.value;
        break;
      case FieldName::EngineHops: head.hops = std::max(head.hops, read_hops(field.value)); break;
      case FieldName::MaxForwards:
        head.max_forwards_zero = head.method == Method::Options && !field.value.empty() &&
                                 field.value.find_first_not_of('0') == std::string_view::npos;
        break;
      case FieldName::Te: read_te(field.value, head); break;
      default: break;
    }
  }
}

bool read_expect(RequestHead& head) noexcept {
  for (const Field& field : head.fields) {
    if (field.known != FieldName::Expect) continue;
    if (!equals_ignoring_case(field.value, "100-continue")) return false;
    // HTTP/1.0 knows no 100, and without a body there is nothing to wait for.
    head.expect_continue = head.minor_version >= 1 && head.has_body();
  }
  return true;
}

}  // namespace engine::http
