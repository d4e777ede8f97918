// SPDX-License-Identifier: GPL-3.0-or-later
#include <array>

#include "engine/base/check.h"
#include "engine/http/cookies.h"
#include "engine/http/head_writer.h"
#include "engine/http/rules.h"
#include "engine/http/status.h"

namespace engine::http {
namespace {

constexpr std::size_t kReasonBytesMax = 256;
constexpr std::string_view kWebSocketAccept = "Sec-WebSocket-Accept";

enum class Fate : std::uint8_t { Keep, Drop, IfChunked, Via, RequestId, SetCookie };

constexpr Fate fate_in_response(FieldName name) {
  switch (name) {
    case FieldName::Connection:
    case FieldName::ContentLength:
    case FieldName::Disguised:
    case FieldName::EngineHops:
    case FieldName::Http2Settings:
    case FieldName::KeepAlive:
    case FieldName::ProxyAuthenticate:
    case FieldName::ProxyAuthorization:
    case FieldName::ProxyConnection:
    case FieldName::ProxyOther:
    case FieldName::Te:
    case FieldName::TransferEncoding:
    case FieldName::Upgrade:
    case FieldName::XAccel:
    case FieldName::XWriterAffinity: return Fate::Drop;
    case FieldName::Trailer: return Fate::IfChunked;
    case FieldName::Via: return Fate::Via;
    case FieldName::XRequestId: return Fate::RequestId;
    case FieldName::SetCookie: return Fate::SetCookie;
    default: return Fate::Keep;
  }
}

constexpr auto kFates = [] {
  std::array<Fate, static_cast<std::size_t>(FieldName::kCount)> table{};
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = fate_in_response(static_cast<FieldName>(i));
  return table;
}();

class ResponseWriter {
 public:
  ResponseWriter(const ResponseHead& head, const ResponseForwarding& forwarding,
                 std::span<char> out) noexcept
      : head_(head),
        forwarding_(forwarding),
        out_(out, head.interim() ? std::span<const FieldEdit>() : forwarding.edits) {}

  std::size_t write() noexcept {
    status_line();
    for (const Field& field : head_.fields) copy(field);
    out_.flush();
    if (forwarding_.upgrade) {
      out_.text("Connection: Upgrade\r\n");
      out_.line("Upgrade", head_.upgrade);
      if (!forwarding_.websocket_accept.value_or("").empty())
        out_.line(kWebSocketAccept, *forwarding_.websocket_accept);
    }
    if (!head_.interim()) {
      framing();
      connection();
      via();
      if (!forwarding_.request_id.empty() && !out_.edited("X-Request-ID")) {
        out_.line("X-Request-ID", forwarding_.request_id);
      }
      for_each_field(forwarding_.cors, [this](std::string_view name, std::string_view value) {
        out_.line(name, value);
      });
    }
    if (!head_.interim() || forwarding_.upgrade) {
      for (const std::string& cookie : forwarding_.cookies) out_.line("Set-Cookie", cookie);
    }
    out_.edits({kResponsePlaces, forwarding_.place_values});
    return out_.finish();
  }

 private:
  void status_line() noexcept {
    out_.text("HTTP/1.1 ");
    out_.number(head_.status);
    out_.text(" ");
    out_.text(head_.major_version >= 2 ? reason_phrase(head_.status)
                                       : head_.reason.substr(0, kReasonBytesMax));
    out_.text("\r\n");
  }

  void copy(const Field& field) noexcept {
    if (field.nominated || out_.edited(field.name)) return;
    switch (kFates[static_cast<std::size_t>(field.known)]) {
      case Fate::Keep:
        if (forwarding_.websocket_accept && equals_ignoring_case(field.name, kWebSocketAccept))
          return;
        out_.copy(field);
        return;
      case Fate::IfChunked:
        if (forwarding_.framing == Framing::Chunked) out_.copy(field);
        return;
      case Fate::Via: has_via_ = true; return;
      case Fate::RequestId:
        if (forwarding_.request_id.empty()) out_.copy(field);
        return;
      case Fate::SetCookie: return copy_cookie(field);
      case Fate::Drop: return;
    }
  }

  void copy_cookie(const Field& field) noexcept {
    const std::string_view prefix = forwarding_.cookie_prefix;
    const std::string_view path =
        prefix.empty() ? std::string_view() : own_cookie_path(field.value, forwarding_.host);
    if (path.empty()) return out_.copy(field);
    out_.flush();
    out_.text(field.name);
    out_.text(": ");
    out_.text(field.value.substr(0, static_cast<std::size_t>(path.data() - field.value.data())));
    out_.text(prefix);
    // "/app/" would leave out "/app" itself (RFC 6265 section 5.1.4).
    if (path != "/") out_.text(path);
    out_.text(std::string_view(path.end(), field.value.end()));
    out_.text("\r\n");
  }

  void framing() noexcept {
    switch (forwarding_.framing) {
      case Framing::None:
        // To HEAD and in a 304 the length is information about a body that does not follow.
        if (head_.has_content_length && head_.framing == Framing::None && head_.status != 204) {
          out_.line("Content-Length", head_.content_length);
        }
        return;
      case Framing::Length: out_.line("Content-Length", forwarding_.content_length); return;
      case Framing::Chunked:
        ENSURE(forwarding_.client_minor_version >= 1, "a client of HTTP/1.0 is sent chunks");
        out_.text("Transfer-Encoding: chunked\r\n");
        return;
      case Framing::UntilClose: return;
    }
  }

  void connection() noexcept {
    if (!forwarding_.keep_alive || forwarding_.framing == Framing::UntilClose) {
      out_.text("Connection: close\r\n");
    } else if (forwarding_.client_minor_version == 0) {
      out_.text("Connection: keep-alive\r\n");
    }
  }

  void via() noexcept {
    if (out_.edited("Via")) return;
    if (!has_via_) {
      out_.text("Via: ");
    } else if (out_.joined("Via", head_.fields, FieldName::Via, ", ")) {
      out_.text(", ");
    }
    const std::string_view version = head_.minor_version == 0 ? "1.0 " : "1.1 ";
    out_.text(head_.major_version >= 2 ? "2 " : version);
    out_.text(forwarding_.via_pseudonym);
    out_.text("\r\n");
  }

  const ResponseHead& head_;
  const ResponseForwarding& forwarding_;
  HeadWriter out_;
  bool has_via_ = false;
};

}  // namespace

std::size_t write_response(const ResponseHead& head, const ResponseForwarding& forwarding,
                           std::span<char> out) noexcept {
  return ResponseWriter(head, forwarding, out).write();
}

// RFC 9110 section 6.5.1: a trailer may not frame, route, authenticate, condition, or describe the
// content; nor may it pretend to be what we say about the client.
bool may_be_trailer(std::string_view name) noexcept {
  switch (lookup(name)) {
    case FieldName::Other: break;
    case FieldName::Date:
    case FieldName::Server:
    case FieldName::UserAgent: return true;
    default: return false;
  }
  constexpr std::string_view kForbidden[] = {
      "content-encoding",
      "content-range",
      "if-match",
      "if-modified-since",
      "if-none-match",
      "if-range",
      "if-unmodified-since",
      "location",
      "origin",
      "pragma",
      "retry-after",
      "vary",
      "www-authenticate",
      "expires",
  };
  for (const std::string_view forbidden : kForbidden) {
    if (equals_ignoring_case(name, forbidden)) return false;
  }
  return true;
}

}  // namespace engine::http
