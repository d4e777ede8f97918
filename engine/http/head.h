// SPDX-License-Identifier: GPL-3.0-or-later
// The parsed head of a request or response: slices of the caller's bytes, valid as long as those do
// not move. Made by h1_head (or an HTTP/2 codec), read by routing and by rules. Knows no socket and
// no clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/http/names.h"

namespace engine::http {

enum class Method : std::uint8_t {
  Get,
  Head,
  Post,
  Put,
  Delete,
  Connect,
  Options,
  Trace,
  Patch,
  Other
};

// The method's name is case-sensitive: "get" is Other.
[[nodiscard]] Method method_of(std::string_view text) noexcept;

// RFC 9110 section 9.2.2: doing it twice is as good as once. Other counts as not idempotent.
[[nodiscard]] constexpr bool is_idempotent(Method method) noexcept {
  return method != Method::Post && method != Method::Patch && method != Method::Connect &&
         method != Method::Other;
}

struct Field {
  std::string_view name;   // as it was written
  std::string_view value;  // without white space around it
  FieldName known = FieldName::Other;
  bool nominated = false;  // named by Connection, and may be: does not travel on
  // The bytes at name.data() read "name: value\r\n" exactly, so the whole line may be copied at
  // once.
  bool verbatim = false;
};

// How the end of a message's body is found.
enum class Framing : std::uint8_t { None, Length, Chunked, UntilClose };

struct HeadLimits {
  std::uint32_t head_bytes = 64 * 1024;  // from the first line to the empty line
  std::uint32_t line_bytes = 16 * 1024;  // the first line
  std::uint32_t field_count = 200;       // at most HeadStorage::kFieldsMax
};

// Room for the fields of one head. One per worker is enough: a head is used within one call chain.
class HeadStorage {
 public:
  static constexpr std::size_t kFieldsMax = 256;

  [[nodiscard]] Field* data() noexcept { return fields_.data(); }
  [[nodiscard]] std::span<const Field> first(std::size_t count) const noexcept {
    return std::span(fields_).first(count);
  }

 private:
  std::array<Field, kFieldsMax> fields_;
};

struct RequestHead {
  Method method = Method::Other;
  Framing framing = Framing::None;  // never UntilClose; Length also for "Content-Length: 0"
  std::uint8_t major_version = 1;   // 2 when an HTTP/2 codec made this
  std::uint8_t minor_version = 1;   // 0 or 1
  bool has_query = false;           // a '?' was there, the query may still be empty
  bool absolute_form = false;       // authority is from the target, not from Host
  bool keep_alive = true;           // the client wants the connection to live on
  bool expect_continue = false;     // never for HTTP/1.0
  bool has_te_trailers = false;     // TE: trailers
  bool max_forwards_zero = false;   // OPTIONS with Max-Forwards: 0, answered by us
  // RFC 8441: came as CONNECT with :protocol, and is shown as the GET with Upgrade that it stands
  // for. No Sec-WebSocket-Key came with it; what follows the head is the tunnel, not a body.
  bool extended_connect = false;
  std::uint16_t hops = 0;  // X-Engine-Hops, at most kHopsMax
  std::uint64_t content_length = 0;

  std::string_view method_text;
  std::string_view target;  // as it was written
  std::string_view path;    // origin-form path without the query; "*" for asterisk-form
  std::string_view query;   // without the '?'
  std::string_view
      authority;             // of an absolute-form target, else Host, as written; empty only in 1.0
  std::string_view upgrade;  // protocols asked for with Connection: upgrade; never with h2c in it
  std::string_view accept;   // of the first Accept field
  std::span<const Field> fields;

  [[nodiscard]] bool has_body() const noexcept {
    return framing == Framing::Chunked || (framing == Framing::Length && content_length != 0);
  }

  static constexpr std::uint16_t kHopsMax = 999;
};

struct ResponseHead {
  std::uint16_t status = 0;  // 100..599
  Framing framing =
      Framing::None;               // of the body that follows on the wire (none for HEAD, 204, 304)
  std::uint8_t major_version = 1;  // 2 when an HTTP/2 codec made this
  std::uint8_t minor_version = 1;  // 0 or 1
  bool keep_alive = true;          // the upstream connection may be used again after the body
  bool has_content_length = false;  // also where no body follows: HEAD and 304
  bool has_date = false;
  bool has_server = false;
  std::uint64_t content_length = 0;

  std::string_view reason;
  std::string_view upgrade;       // of a 101: what was switched to
  std::string_view content_type;  // of the first Content-Type field
  std::span<const Field> fields;

  [[nodiscard]] bool interim() const noexcept { return status < 200; }
};

// The value of the first field of that name, or an empty view whose data() is null.
[[nodiscard]] std::string_view find_field(std::span<const Field> fields, FieldName name) noexcept;
[[nodiscard]] std::string_view find_field(std::span<const Field> fields,
                                          std::string_view name) noexcept;

}  // namespace engine::http
