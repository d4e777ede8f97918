// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/rules.h"

#include <algorithm>
#include <array>

#include "engine/base/check.h"
#include "engine/http/head_writer.h"

namespace engine::http {
namespace {

// What happens to a field of a request. "Anew" fields are left out and written from what was
// understood.
enum class Fate : std::uint8_t { Keep, Drop, Anew, IfTrusted, IfChunked, Count };

constexpr Fate fate_in_request(FieldName name) {
  switch (name) {
    case FieldName::Connection:
    case FieldName::ContentLength:
    case FieldName::Cookie:
    case FieldName::EngineHops:
    case FieldName::Expect:
    case FieldName::Forwarded:
    case FieldName::Host:
    case FieldName::MaxForwards:
    case FieldName::Te:
    case FieldName::TransferEncoding:
    case FieldName::Upgrade:
    case FieldName::Via:
    case FieldName::XForwardedFor:
    case FieldName::XRequestId: return Fate::Anew;
    case FieldName::Disguised:
    case FieldName::Http2Settings:
    case FieldName::KeepAlive:
    case FieldName::ProxyAuthenticate:
    case FieldName::ProxyAuthorization:
    case FieldName::ProxyConnection:
    case FieldName::ProxyOther:
    case FieldName::XAccel: return Fate::Drop;
    case FieldName::XClientCertName:
    case FieldName::XForwardedHost:
    case FieldName::XForwardedOther:
    case FieldName::XForwardedPort:
    case FieldName::XForwardedProto:
    case FieldName::XRealIp: return Fate::IfTrusted;
    case FieldName::Trailer: return Fate::IfChunked;
    default: return Fate::Keep;
  }
}

constexpr auto kFates = [] {
  std::array<Fate, static_cast<std::size_t>(FieldName::kCount)> table{};
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = fate_in_request(static_cast<FieldName>(i));
  return table;
}();

constexpr std::string_view kWebSocketKey = "Sec-WebSocket-Key";

constexpr std::uint64_t bit(FieldName name) {
  return std::uint64_t{1} << static_cast<unsigned>(name);
}

class RequestWriter {
 public:
  RequestWriter(const RequestHead& head, const Forwarding& forwarding, std::span<char> out) noexcept
      : head_(head), forwarding_(forwarding), out_(out, forwarding.edits) {}

  std::size_t write() noexcept {
    request_line();
    for (const Field& field : head_.fields) copy(field);
    out_.flush();
    if ((seen_ & kRare) != 0) rare_fields();
    framing();
    connection();
    client();
    if ((seen_ & bit(FieldName::Forwarded)) != 0 && forwarding_.trusted) forwarded();
    request_id();
    via();
    out_.line("X-Engine-Hops", head_.hops + std::uint64_t{1});
    out_.edits({kRequestPlaces, forwarding_.place_values});
    return out_.finish();
  }

 private:
  static constexpr std::uint64_t kRare = bit(FieldName::Cookie) | bit(FieldName::MaxForwards);

  void request_line() noexcept {
    out_.text(head_.method_text);
    out_.text(" ");
    out_.text(forwarding_.path_override.empty() ? head_.path : forwarding_.path_override);
    if (head_.has_query) {
      out_.text("?");
      out_.text(head_.query);
    }
    out_.text(" HTTP/1.1\r\n");
    out_.line("Host",
              forwarding_.host_override.empty() ? head_.authority : forwarding_.host_override);
  }

  void copy(const Field& field) noexcept {
    if (field.nominated || out_.edited(field.name)) return;
    switch (kFates[static_cast<std::size_t>(field.known)]) {
      case Fate::Keep:
        if (!forwarding_.websocket_key.empty() && equals_ignoring_case(field.name, kWebSocketKey))
          return;
        out_.copy(field);
        return;
      case Fate::IfTrusted:
        if (!forwarding_.trusted) return;
        if (field.known == FieldName::XClientCertName && forwarding_.client_certificate_name)
          return;
        if (field.known == FieldName::XRealIp && forwarding_.client_named) return;
        seen_ |= bit(field.known);
        out_.copy(field);
        return;
      case Fate::IfChunked:
        if (forwarding_.framing == Framing::Chunked) out_.copy(field);
        return;
      case Fate::Anew:
        seen_ |= bit(field.known);
        // HTTP/2 splits cookies into crumbs; HTTP/1 has them in one line.
        if (field.known == FieldName::Cookie && head_.major_version < 2) out_.copy(field);
        return;
      default: return;
    }
  }

  void rare_fields() noexcept {
    if ((seen_ & bit(FieldName::Cookie)) != 0 && head_.major_version >= 2) {
      out_.joined("Cookie", head_.fields, FieldName::Cookie, "; ");
      out_.text("\r\n");
    }
    if ((seen_ & bit(FieldName::MaxForwards)) != 0) max_forwards();
  }

  // Counted down for OPTIONS (RFC 9110 section 7.6.2), else only passed on.
  void max_forwards() noexcept {
    const std::string_view text = find_field(head_.fields, FieldName::MaxForwards);
    std::uint64_t left = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), left);
    if (error != std::errc() || end != text.data() + text.size()) return;
    out_.line("Max-Forwards", head_.method == Method::Options && left > 0 ? left - 1 : left);
  }

  void framing() noexcept {
    switch (forwarding_.framing) {
      case Framing::None: return;
      case Framing::Length: out_.line("Content-Length", forwarding_.content_length); break;
      case Framing::Chunked: out_.text("Transfer-Encoding: chunked\r\n"); break;
      case Framing::UntilClose: ENSURE(false, "a request cannot end with its connection");
    }
    if (head_.expect_continue && forwarding_.keep_expect) out_.text("Expect: 100-continue\r\n");
  }

  void connection() noexcept {
    const bool upgrade = forwarding_.keep_upgrade && !head_.upgrade.empty();
    if (upgrade) {
      out_.text(head_.has_te_trailers ? "Connection: Upgrade, TE\r\n" : "Connection: Upgrade\r\n");
      out_.line("Upgrade", head_.upgrade);
      if (!forwarding_.websocket_key.empty()) out_.line(kWebSocketKey, forwarding_.websocket_key);
    } else if (head_.has_te_trailers) {
      out_.text("Connection: TE\r\n");
    }
    if (head_.has_te_trailers) out_.text("TE: trailers\r\n");
  }

  // Who the client is and how it spoke. A trusted peer's word stands; the chain of addresses grows.
  void client() noexcept {
    if (!out_.edited("X-Forwarded-For")) {
      const bool chain = forwarding_.trusted && (seen_ & bit(FieldName::XForwardedFor)) != 0;
      if (!chain) {
        out_.line("X-Forwarded-For", forwarding_.client_address);
      } else {
        if (out_.joined("X-Forwarded-For", head_.fields, FieldName::XForwardedFor, ", "))
          out_.text(", ");
        out_.text(forwarding_.client_address);
        out_.text("\r\n");
      }
    }
    if (absent(FieldName::XForwardedProto, "X-Forwarded-Proto")) {
      out_.line("X-Forwarded-Proto", forwarding_.scheme);
    }
    if (!head_.authority.empty() && absent(FieldName::XForwardedHost, "X-Forwarded-Host")) {
      out_.line("X-Forwarded-Host", head_.authority);
    }
    if (absent(FieldName::XForwardedPort, "X-Forwarded-Port")) {
      out_.line("X-Forwarded-Port", std::uint64_t{forwarding_.port});
    }
    if (absent(FieldName::XRealIp, "X-Real-IP")) out_.line("X-Real-IP", forwarding_.client_address);
    const std::string_view holder = forwarding_.client_certificate_name.value_or("");
    if (!holder.empty() && !out_.edited("X-Client-Cert-Name"))
      out_.line("X-Client-Cert-Name", holder);
  }

  // RFC 7239, only where a trusted peer uses it already.
  void forwarded() noexcept {
    if (out_.edited("Forwarded")) return;
    if (out_.joined("Forwarded", head_.fields, FieldName::Forwarded, ", ")) out_.text(", ");
    const bool ipv6 = forwarding_.client_address.contains(':');
    out_.text(ipv6 ? "for=\"[" : "for=");
    out_.text(forwarding_.client_address);
    out_.text(ipv6 ? "]\";proto=" : ";proto=");
    out_.text(forwarding_.scheme);
    out_.text(";host=\"");
    out_.text(head_.authority);
    out_.text("\"\r\n");
  }

  void request_id() noexcept {
    if (out_.edited("X-Request-ID")) return;
    std::string_view id = forwarding_.request_id;
    if (forwarding_.trusted && (seen_ & bit(FieldName::XRequestId)) != 0) {
      const std::string_view given = find_field(head_.fields, FieldName::XRequestId);
      if (sane_request_id(given)) id = given;
    }
    if (!id.empty()) out_.line("X-Request-ID", id);
  }

  void via() noexcept {
    if (out_.edited("Via")) return;
    if ((seen_ & bit(FieldName::Via)) == 0) {
      out_.text("Via: ");
    } else if (out_.joined("Via", head_.fields, FieldName::Via, ", ")) {
      out_.text(", ");
    }
    const std::string_view version = head_.minor_version == 0 ? "1.0 " : "1.1 ";
    out_.text(head_.major_version >= 2 ? "2 " : version);
    out_.text(forwarding_.via_pseudonym);
    out_.text("\r\n");
  }

  [[nodiscard]] bool absent(FieldName known, std::string_view name) const noexcept {
    return (seen_ & bit(known)) == 0 && !out_.edited(name);
  }

  const RequestHead& head_;
  const Forwarding& forwarding_;
  HeadWriter out_;
  std::uint64_t seen_ = 0;  // bit per FieldName that is written anew, or was kept by trust
};

}  // namespace

std::size_t write_request(const RequestHead& head, const Forwarding& forwarding,
                          std::span<char> out) noexcept {
  return RequestWriter(head, forwarding, out).write();
}

bool sane_request_id(std::string_view id) noexcept {
  constexpr std::size_t kIdBytesMax = 128;
  return !id.empty() && id.size() <= kIdBytesMax && std::ranges::all_of(id, [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>';
  });
}

}  // namespace engine::http
