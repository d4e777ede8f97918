// SPDX-License-Identifier: GPL-3.0-or-later
// A service: targets and the policies of the sites that lead to it. Immutable once published.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/http/rules.h"
#include "engine/route/target.h"

namespace engine::route {

enum class Balance : std::uint8_t { P2c, RoundRobin, LeastConn, HashClientIp, HashHeader, First };

enum class Answer : std::uint8_t {
  Proxy,     // forward to a target
  Redirect,  // 308 to `redirect`
  Status,    // a fixed status
  Pass,      // TLS goes to a target undecrypted; nothing else is served
};

enum class HostPolicy : std::uint8_t { Keep, Upstream, Literal };

enum RetryOn : std::uint8_t {
  kRetryConnect = 1,
  kRetry502 = 2,
  kRetry503 = 4,
  kRetry504 = 8,
};

struct WeightedTarget {
  std::shared_ptr<const Target> target;
  std::uint32_t target_index = 0;  // into Snapshot::targets
  std::uint32_t weight = 1;        // 1…1000
};

struct Timeouts {  // nanoseconds; 0 = none
  base::Time connect = 0;
  base::Time first_byte = 0;
  base::Time idle = 0;
  base::Time total = 0;
  bool operator==(const Timeouts&) const = default;
};

struct Service {
  std::string name;    // the first site's key
  std::string origin;  // "proxy.toml:18"
  Answer answer = Answer::Proxy;
  int status = 0;    // Answer::Status
  std::string text;  // redirect template, or the text of a fixed status
  std::vector<WeightedTarget> targets;
  Balance balance = Balance::P2c;
  std::string hash_header;  // Balance::HashHeader
  Timeouts timeouts;
  unsigned retry_times = 0;
  unsigned retry_on = 0;           // RetryOn bits
  std::uint32_t inflight_max = 0;  // 0 = no limit
  // Requests in flight over all workers, counted only when there is a limit; carried over by a
  // reload.
  std::shared_ptr<std::atomic<std::uint32_t>> inflight =
      std::make_shared<std::atomic<std::uint32_t>>(0);
  std::uint64_t body_bytes_max = 0;  // 0 = no limit
  HostPolicy host_policy = HostPolicy::Keep;
  std::string host_literal;
  std::string strip_prefix;  // rewrite.strip; empty = none
  std::vector<http::FieldEdit> request_edits;
  std::vector<http::FieldEdit> response_edits;
  std::vector<http::FieldEdit> secure_response_edits;  // instead, to clients with TLS: with HSTS
  bool redirects_to_https = false;                     // requests without TLS
  tls::Digest client_ca{};  // whom clients must be verified by; zeros: anybody may come
  std::map<int, std::string> error_pages;  // status → HTML; 5 stands for 5xx, 4 for 4xx

  // Whether two services are the same in everything but `origin` and the count in `inflight`: then
  // the old object goes on being used. Targets are compared by key and weight.
  [[nodiscard]] bool same_as(const Service& other) const;
};

}  // namespace engine::route
