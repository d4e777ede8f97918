// SPDX-License-Identifier: GPL-3.0-or-later
// The states of a stream, and what moves it on.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engine::proxy {

// State       waits for                                ends by
// Start       start()                                  Parked, Buffering; as Connecting
// Parked      its gate, or a target that is up         Start (routed anew), Done
//             a connection to its target               Connecting, AwaitHead; Start, Done
//             the time for its next try                Start (routed anew), Done
// Buffering   the request's body, limits.body          Start (routed anew), Done
// Connecting  connect(), the connect timeout           AwaitHead; next address or target; Parked; Done
// AwaitHead   the response's head, first_byte timeout  Collecting, Responding, Tunnel; a retry; Done
// Collecting  the response's body, idle timeout        Responding, Done
// Responding  its body, the client, idle timeout       Done
// Tunnel      either side's bytes, idle timeout        Done
// Done        the worker to free it
// Whoever has a target also ends by that target's drain (route::TargetHealth::end_streams).
enum class StreamState : std::uint8_t {
  Start,
  Parked,
  Buffering,
  Connecting,
  AwaitHead,
  Collecting,
  Responding,
  Tunnel,
  Done,
};

// What one that is Parked waits for.
enum class StreamWait : std::uint8_t { ForGate, ForTarget, ForConnection, ForRetry };
inline constexpr std::size_t kStreamWaits = 4;

// Whose limit of requests in progress it counts for.
enum class StreamBound : std::uint8_t { Engine, Service };

}  // namespace engine::proxy
