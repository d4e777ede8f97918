// SPDX-License-Identifier: GPL-3.0-or-later
// Every bound of the data plane in one place. Control fills it from [engine]; workers read it from
// the snapshot, so that a reload changes it. Zero means "no limit" only where it says so.
#pragma once

#include <cstdint>

#include "engine/base/clock.h"
#include "engine/http/h1_body.h"
#include "engine/http/head.h"

namespace engine::route {

struct Limits {
  http::HeadLimits request_head;
  http::HeadLimits response_head;
  http::BodyLimits body;

  // Of clients.
  std::uint32_t connections_max = 100'000;         // per worker; past it, accepting pauses
  std::uint32_t requests_per_connection_max = 0;   // 0 = no limit
  std::uint32_t requests_max = 0;                  // in progress, over all workers; 0 = no limit
  base::Time head_timeout = 10 * base::kSecond;    // from the first wait to a complete head
  base::Time body_timeout = 30 * base::kSecond;    // between two pieces of a request body
  std::uint32_t h2_streams_max = 128;              // at a time, on one connection of HTTP/2
  base::Time keepalive_idle = 75 * base::kSecond;  // between two requests
  base::Time keepalive_total =
      3600 * base::kSecond;  // age after which a connection ends with its response
  // Requests that wait for a gate, a healthy target or a connection to it, per worker; one more gets
  // 503.
  std::uint32_t parked_max = 10'000;

  // Of connections to targets.
  std::uint32_t target_connections_max = 0;  // open to one target, over all workers; 0 = no limit
  std::uint32_t pool_idle_max = 1024;        // per worker and target
  base::Time pool_idle_timeout = 60 * base::kSecond;

  // Of shutting down.
  base::Time grace = 10 * base::kSecond;
};

// A request that passed this engine this often already goes in a circle.
inline constexpr unsigned kHopsMax = 4;
// 1xx heads that one response may bring.
inline constexpr unsigned kInterimMax = 32;
// What a client sends after its last answer is read and thrown away, so much and for so long, before
// the connection is closed: closing at once would send RST, which may erase the answer from the
// client's buffer.
inline constexpr std::uint64_t kLingerBytesMax = 8U << 20U;
inline constexpr base::Time kLingerTimeout = 2 * base::kSecond;
// How long a connection without a stream may still bring a request, or the rest of what it sends,
// once the worker drains.
inline constexpr base::Time kDrainPatience = 500 * base::kMillisecond;
// Bodies with at least so much left to come are spliced where both sides are plaintext.
inline constexpr std::uint64_t kSpliceBytesMin = 16U << 10U;
// What one relay may move before the other connections of its worker get their turn.
inline constexpr std::uint64_t kRelayTurnBytes = 1U << 20U;
// The hot buffer of a worker for bodies that are copied.
inline constexpr std::size_t kScratchBytes = 64U << 10U;

}  // namespace engine::route
