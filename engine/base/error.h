// SPDX-License-Identifier: GPL-3.0-or-later
// What went wrong with an exchange, as a value: whose fault it is, whether trying again is safe,
// and the words for it everywhere (status, Proxy-Status, access log).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace engine::base {

enum class Cause : std::uint8_t {
  None,
  BadRequest,  // the client broke HTTP
  HeadTooLarge,
  TargetTooLong,
  BodyTooLarge,
  ClientTooSlow,  // no complete head or body in time
  ClientClosed,   // gone before the answer was complete
  MethodRefused,
  ExpectationRefused,
  CodingUnknown,  // a transfer coding other than chunked
  VersionRefused,
  UnknownHost,
  UnknownPath,
  Misdirected,
  CertificateRequired,  // of the client
  CrossOriginRefused,   // to a preflight: not what `cors` of the site allows
  Overloaded,           // our own limit of connections or streams
  InflightLimit,        // limit.inflight of the service
  ConcurrencyLimit,     // limits.concurrency of the engine
  RateLimited,          // limit.rate of the service
  LoopDetected,
  DnsError,
  NoHealthyTarget,
  ConnectionLimit,  // upstream.max_connections: the target had none to spare in time
  ConnectionRefused,
  ConnectionTimeout,
  DestinationUnreachable,
  ConnectionFailed,      // any other failure to connect
  TlsFailed,             // no TLS session with the peer
  ConnectionTerminated,  // the target closed or reset before its response was complete
  ResponseTimeout,       // no first byte in time
  ReadTimeout,           // the response stalled
  ResponseInvalid,       // the target broke HTTP
  ResponseHeadTooLarge,
  ResponseTooLarge,  // limit.response of the site
  ResponseIncomplete,
  UpgradeFailed,
  TotalTimeout,
  Stopped,       // the service's gate
  PauseTimeout,  // of the gate: it stayed paused for longer than a request waits
  Drained,       // the target's time ran out with the request still there
  Draining,
  ClosedByHand,  // the control API closed the client's connection
  Internal,
};
inline constexpr std::size_t kCauseCount = static_cast<std::size_t>(Cause::Internal) + 1;

enum class Blame : std::uint8_t { Nobody, Client, Target, Us };

// How a cause reads outside. `name` is from RFC 9209 section 2.3 where that has one.
struct CauseWords {
  std::uint16_t status;  // answer when no head went out yet
  Blame blame;
  std::string_view name;  // for Proxy-Status and the log; empty for None
  std::string_view text;  // one plain sentence for a person
};

[[nodiscard]] const CauseWords& describe(Cause cause) noexcept;

// An error of one exchange. `retry_safe` is decided where the error is born: nothing of a response
// arrived and the target provably did not act on the request.
struct Error {
  Cause cause = Cause::None;
  bool retry_safe = false;
  int system = 0;  // errno, 0 when there is none
};

}  // namespace engine::base
