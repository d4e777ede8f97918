// SPDX-License-Identifier: GPL-3.0-or-later
// What one worker counts: plain numbers, written by its thread alone, added up by whoever reads
// them.
#pragma once

#include <array>
#include <cstdint>

#include "engine/http/h2_abuse.h"

namespace engine::proxy {

struct Counters {
  std::uint64_t connections = 0;  // accepted
  std::uint64_t connections_open = 0;
  std::uint64_t tls_handshakes = 0;  // with clients, completed
  std::uint64_t tls_resumed = 0;     // of these
  std::uint64_t h2_sessions = 0;     // connections of clients that speak HTTP/2
  // Of these, ended with ENHANCE_YOUR_CALM, by http::H2Abuse::Kind.
  std::array<std::uint64_t, static_cast<std::size_t>(http::H2Abuse::Kind::kCount)> h2_floods{};
  std::uint64_t accept_pauses = 0;  // out of slots or descriptors
  std::uint64_t requests = 0;
  std::uint64_t responses_2xx = 0;
  std::uint64_t responses_3xx = 0;
  std::uint64_t responses_4xx = 0;
  std::uint64_t responses_5xx = 0;
  std::uint64_t failed_streams = 0;  // ended by an error of anybody
  std::uint64_t retries = 0;
  std::uint64_t upstream_connects = 0;
  std::uint64_t upstream_reuses = 0;
  std::uint64_t upstream_tls_handshakes = 0;  // completed
  std::uint64_t upstream_tls_resumed = 0;     // of these
  std::uint64_t tunnels = 0;
  std::uint64_t bytes_from_clients = 0;  // payload
  std::uint64_t bytes_to_clients = 0;
  std::uint64_t bytes_spliced = 0;
  std::uint64_t snapshots_adopted = 0;

  void add(const Counters& other) {
    const auto* from = reinterpret_cast<const std::uint64_t*>(&other);
    auto* to = reinterpret_cast<std::uint64_t*>(this);
    for (std::size_t i = 0; i < sizeof(Counters) / sizeof(std::uint64_t); ++i) to[i] += from[i];
  }
};

}  // namespace engine::proxy
