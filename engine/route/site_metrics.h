// SPDX-License-Identifier: GPL-3.0-or-later
// What is counted for one site: by each worker for itself, read by control while they run. It lives
// as long as the site, over all its generations.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/counter.h"
#include "engine/base/error.h"
#include "engine/http/head.h"
#include "engine/route/histogram.h"

namespace engine::route {

enum class Protocol : std::uint8_t { Http10, Http11, Http2, kCount };
inline constexpr std::array<std::string_view, 3> kProtocolNames = {"http/1.0", "http/1.1", "h2"};

// By http::Method.
inline constexpr std::array<std::string_view, 10> kMethodNames = {
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "OTHER"};

// What may go on until one side ends it.
enum class OpenStream : std::uint8_t { WebSocket, Tunnel, Sse, Grpc, kCount };
inline constexpr std::array<std::string_view, 4> kOpenStreamNames = {"websocket", "tunnel", "sse",
                                                                     "grpc"};

// Exact statuses, as far as there is room: a site uses a handful of the 500 that exist.
class StatusCounts {
 public:
  static constexpr std::size_t kDifferentMax = 32;
  static constexpr std::uint16_t kRest = 0;  // those that found no room

  void count(std::uint16_t status, std::uint64_t times = 1);
  void add(const StatusCounts& other);

  struct Entry {
    std::atomic<std::uint16_t> status{0};
    base::Counter count;
  };
  // Those with a count above 0 are in use; kRest comes last.
  [[nodiscard]] std::span<const Entry> entries() const { return entries_; }

 private:
  std::array<Entry, kDifferentMax + 1> entries_;
};

// Of one worker, or the sum of several. Written by one thread.
struct alignas(64) SiteCounters {
  static constexpr std::size_t kStatusClasses = 5;  // 1xx first
  using ByStatusClass = std::array<base::Counter, kStatusClasses>;
  using ByProtocol = std::array<ByStatusClass, static_cast<std::size_t>(Protocol::kCount)>;

  // A request has ended; `status` is what the client got, or would have got had it stayed.
  void count_request(http::Method method, Protocol protocol, std::uint16_t status);
  void add(const SiteCounters& other);

  [[nodiscard]] base::Counter& open(OpenStream kind) {
    return streams_open[static_cast<std::size_t>(kind)];
  }

  std::array<ByProtocol, kMethodNames.size()> requests;
  StatusCounts statuses;
  Histogram duration;           // of requests, from the head to the last byte, except tunnels
  Histogram first_byte;         // from the request's head until the response's head was there
  Histogram upstream_connect;   // until a new connection to the target was ready, with TLS
  Histogram upstream_duration;  // from the head sent there until the response's last byte came
  base::Counter in_flight;      // streams of any kind, now
  base::Counter queued;         // of these, parked for a connection to their target
  std::array<base::Counter, static_cast<std::size_t>(OpenStream::kCount)> streams_open;  // now
  base::Counter request_bytes;  // payload, when the stream ends
  base::Counter response_bytes;
  base::Counter retries;
  std::array<base::Counter, base::kCauseCount> errors;
};

class SiteMetrics {
 public:
  explicit SiteMetrics(std::size_t worker_count) : slots_(worker_count) {}
  ~SiteMetrics();
  SiteMetrics(const SiteMetrics&) = delete;
  SiteMetrics& operator=(const SiteMetrics&) = delete;

  // That worker's thread only. The reference stays valid.
  [[nodiscard]] SiteCounters& of(std::size_t worker);
  // Any thread: adds what all workers have counted. False when none ever used the site.
  bool add_to(SiteCounters& sum) const;

 private:
  std::vector<std::atomic<SiteCounters*>> slots_;  // null until its worker needs it
};

}  // namespace engine::route
