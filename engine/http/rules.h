// SPDX-License-Identifier: GPL-3.0-or-later
// What may be forwarded, and how: heads are serialised anew from their parsed form, never passed
// through. Pure functions into the caller's memory; they know no socket, no route and no
// configuration.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/http/cors.h"
#include "engine/http/head.h"
#include "engine/http/places.h"

namespace engine::http {

// A wish of the configuration about one field. Edits cannot touch framing and connection fields
// (Content-Length, Transfer-Encoding, Connection, Host, ...).
struct FieldEdit {
  enum class Kind : std::uint8_t {
    Set,           // in the place of all fields of that name
    Default,       // only where the head that is written has no such field
    Remove,        // all fields of that name
    RemovePrefix,  // all fields whose name begins so
  };

  std::string name = {}, value = {};
  Kind kind = Kind::Set;
  bool has_places = false;  // `value` names some of kRequestPlaces or kResponsePlaces

  bool operator==(const FieldEdit&) const = default;
};

// What the value of an edit may name. The writer is told the values in this order.
inline constexpr std::array<std::string_view, 6> kRequestPlaces = {
    "{target}", "{unix_ms}", "{client_ip}", "{request_id}", "{host}", "{scheme}"};
inline constexpr std::array<std::string_view, 3> kResponsePlaces = {"{request_id}", "{target}",
                                                                    "{host}"};

// Whether the writer needs those values.
[[nodiscard]] inline bool have_places(std::span<const FieldEdit> edits) {
  return std::ranges::any_of(edits, &FieldEdit::has_places);
}

// What a request is forwarded with.
struct Forwarding {
  std::string_view client_address = {};  // text; IPv6 without brackets
  std::string_view scheme = {};          // "http" or "https" as the client spoke
  std::string_view request_id = {};      // used where no trusted one came in; empty: none is sent
  std::string_view path_override = {};   // replaces the path, the query is kept; empty: head.path
  std::string_view host_override = {};   // empty: head.authority
  std::string_view via_pseudonym = "engine";
  // Of a client that was verified, empty when it names nobody; without, a trusted peer's word stands.
  std::optional<std::string_view> client_certificate_name = {};
  std::uint16_t port = 0;     // the client connected to
  bool trusted = false;       // the peer speaks for others: its fields are kept and extended
  bool client_named = false;  // client_address is what the site believes, whatever X-Real-IP says
  bool keep_upgrade = false;  // pass head.upgrade on
  bool keep_expect = true;    // pass Expect on; what it asks for was not done yet
  std::string_view websocket_key = {};  // sent instead of the client's
  Framing framing = Framing::None;      // None, Length or Chunked: as it is sent upstream
  std::uint64_t content_length = 0;
  std::span<const FieldEdit> edits = {};
  // By kRequestPlaces; may be empty where no edit has places.
  std::span<const std::string_view> place_values = {};
};

// Writes an HTTP/1.1 request head with its empty line. Returns its length, 0 when `out` is too
// small.
[[nodiscard]] std::size_t write_request(const RequestHead& head, const Forwarding& forwarding,
                                        std::span<char> out) noexcept;

// What a response is forwarded with. `framing` is that of the connection to the client: None for
// answers without a body (HEAD and 304 keep their Content-Length as information), UntilClose ends
// by closing.
struct ResponseForwarding {
  std::uint8_t client_minor_version = 1;
  bool keep_alive = true;  // of the client's connection
  bool upgrade = false;    // this is a 101 that is passed on
  Framing framing = Framing::None;
  std::uint64_t content_length = 0;
  // Of a 101 that comes or goes over HTTP/2: Sec-WebSocket-Accept instead of what came; empty: none.
  std::optional<std::string_view> websocket_accept = {};
  std::string_view request_id = {};  // empty: X-Request-ID is not added
  std::string_view via_pseudonym = "engine";
  std::span<const FieldEdit> edits = {};
  // By kResponsePlaces; may be empty where no edit has places.
  std::span<const std::string_view> place_values = {};
  // Goes before the Path of cookies that are for `host` alone; empty: they stay as they are.
  std::string_view cookie_prefix = {};
  std::string_view host = {};  // of the request, without its port
  // Not sent with an interim head; the edits are to remove what it takes the place of.
  CorsGrant cors = {};
  // Of our own, beside those of the target; not sent with an interim head other than 101.
  std::span<const std::string> cookies = {};
};

// Writes an HTTP/1.1 response head with its empty line, also an interim one. Returns its length, 0
// when `out` is too small. Chunked for a client of HTTP/1.0 is our own mistake and aborts.
[[nodiscard]] std::size_t write_response(const ResponseHead& head,
                                         const ResponseForwarding& forwarding,
                                         std::span<char> out) noexcept;

// Whether a trailer field of that name may be forwarded: nothing that frames, routes, authenticates
// or belongs to one connection.
[[nodiscard]] bool may_be_trailer(std::string_view name) noexcept;

// Whether X-Request-ID of a trusted peer is taken over: short and of harmless characters.
[[nodiscard]] bool sane_request_id(std::string_view id) noexcept;

}  // namespace engine::http
