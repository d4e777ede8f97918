// SPDX-License-Identifier: GPL-3.0-or-later
// What one worker counts: written by its thread alone, added up by whoever reads them.
#pragma once

#include <array>
#include <cstdint>

#include "engine/base/counter.h"
#include "engine/base/error.h"
#include "engine/http/h2_abuse.h"
#include "engine/route/histogram.h"

namespace engine::route {

// Its members are counters, and nothing else: add() relies on it.
struct Counters {
  base::Counter connections;  // accepted
  base::Counter connections_open;
  // Handshakes with clients, completed: of TLS 1.2 and of TLS 1.3, each without and with a resumed
  // session.
  std::array<std::array<base::Counter, 2>, 2> tls_handshakes;
  Histogram tls_handshake_time;  // from the accept on
  base::Counter h2_sessions;     // connections of clients that speak HTTP/2
  // Of these, ended with ENHANCE_YOUR_CALM, by http::H2Abuse::Kind.
  std::array<base::Counter, static_cast<std::size_t>(http::H2Abuse::Kind::kCount)> h2_floods;
  std::array<base::Counter, base::kCauseCount> refusals;  // of what never became a request
  base::Counter accept_pauses;                            // out of slots or descriptors
  base::Counter requests;
  base::Counter responses_2xx;
  base::Counter responses_3xx;
  base::Counter responses_4xx;
  base::Counter responses_5xx;
  base::Counter parked;          // streams that wait for a gate, a target or a connection now
  base::Counter failed_streams;  // ended by an error of anybody
  base::Counter retries;
  base::Counter upstream_connects;
  base::Counter upstream_reuses;
  base::Counter upstream_tls_handshakes;  // completed
  base::Counter upstream_tls_resumed;     // of these
  base::Counter tunnels;
  base::Counter bytes_from_clients;  // payload
  base::Counter bytes_to_clients;
  base::Counter bytes_spliced;
  base::Counter snapshots_adopted;
  // From the beginning of the tick in which a request, and a connection for it, were there until
  // the tick's end, when it had been handed to the kernel.
  Histogram overhead;
  Histogram tick_time;  // without the wait for something to do

  [[nodiscard]] std::uint64_t tls_handshake_count() const {
    std::uint64_t count = 0;
    for (const auto& of_version : tls_handshakes) count += of_version[0] + of_version[1];
    return count;
  }

  void add(const Counters& other) {
    const auto* from = reinterpret_cast<const base::Counter*>(&other);
    auto* to = reinterpret_cast<base::Counter*>(this);
    for (std::size_t i = 0; i < sizeof(Counters) / sizeof(base::Counter); ++i) to[i] += from[i];
  }
};

}  // namespace engine::route
