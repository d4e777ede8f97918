// SPDX-License-Identifier: GPL-3.0-or-later
// The field names the engine has rules about, and how to recognise one. It knows names only, no
// values.
#pragma once

#include <cstdint>
#include <string_view>

namespace engine::http {

enum class FieldName : std::uint8_t {
  Other,
  Accept,
  AcceptEncoding,
  Age,
  Authorization,
  CacheControl,
  Connection,
  ContentLength,
  ContentType,
  Cookie,
  Date,
  EngineHops,  // X-Engine-Hops: our own loop counter
  Expect,
  Forwarded,
  Host,
  Http2Settings,
  KeepAlive,
  MaxForwards,
  ProxyAuthenticate,
  ProxyAuthorization,
  ProxyConnection,
  ProxyOther,  // every other Proxy-* name except Proxy-Status, which is end to end
  Range,
  Server,
  SetCookie,
  Te,
  Trailer,
  TransferEncoding,
  Upgrade,
  UserAgent,
  Via,
  XAccel,  // X-Accel-*: orders to a proxy of another make
  XClientCertName,
  XForwardedFor,
  XForwardedHost,
  XForwardedPort,
  XForwardedProto,
  XForwardedOther,  // every other X-Forwarded-* name
  XRealIp,
  XRequestId,
  XWriterAffinity,  // of a response: whether its client goes on to read from a writer
  // A name such as Content_Length or X_Forwarded_For: gateways that turn '-' into '_' would take it
  // for the real one, so it never travels on.
  Disguised,
  kCount,
};

// Case-insensitive.
[[nodiscard]] FieldName lookup(std::string_view name) noexcept;

// The same for a name that is known to have no '_'.
[[nodiscard]] FieldName lookup_plain(std::string_view name) noexcept;

// ASCII case-insensitive comparison.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

}  // namespace engine::http
