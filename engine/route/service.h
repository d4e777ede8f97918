// SPDX-License-Identifier: GPL-3.0-or-later
// A service as one of its sites sees it: targets and policies. Immutable once published.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/http/rules.h"
#include "engine/route/gate.h"
#include "engine/route/places.h"
#include "engine/route/rate_limit.h"
#include "engine/route/site_metrics.h"
#include "engine/route/target.h"
#include "engine/route/target_health.h"

namespace engine::route {

enum class Balance : std::uint8_t {
  P2c,
  RoundRobin,
  LeastConn,
  HashClientIp,
  HashHeader,
  HashCookie,
  First,
};

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
  kRetry429 = 16,
};

// Which requests a target of a service is for. The new ones are those of a rollout.
enum class Pool : std::uint8_t { Writers, Readers, NewWriters, NewReaders };

struct WeightedTarget {
  std::shared_ptr<const Target> target;
  std::uint32_t target_index = 0;  // into Snapshot::targets
  std::uint32_t weight = 1;        // 1…1000
  Pool pool = Pool::Writers;
  std::shared_ptr<TargetHealth> health;  // never null once published
};

struct Timeouts {  // nanoseconds; 0 = none
  base::Time connect = 0;
  base::Time first_byte = 0;
  base::Time idle = 0;
  base::Time total = 0;
  bool operator==(const Timeouts&) const = default;
};

// Whether a body is complete before it goes on: a request before a target is chosen, a response
// before its head is sent.
struct Buffering {
  bool requests = false;
  bool responses = false;
  std::uint64_t memory_bytes = 1U << 20U;  // of each body; the rest is in a temporary file
  std::uint64_t response_bytes_max = 0;    // of those that are buffered; 0 = no limit
  bool operator==(const Buffering&) const = default;
};

// GET and HEAD go to readers, where there are any that are healthy. After another request of the same
// client they go to writers for `affinity`, so that it sees what it wrote.
struct ReadSplit {
  base::Time affinity = 0;        // nanoseconds; told to the client by a cookie
  bool takes_websockets = false;  // else WebSockets go to writers
  bool operator==(const ReadSplit&) const = default;
};

// Which clients get the targets of a rollout: by the value of a cookie, so that each stays where it
// is.
struct Rollout {
  std::string cookie;
  std::uint32_t split_point = 0;        // the FNV-1a hash of its value is at most this
  std::vector<std::string> allow_list;  // or it is one of these; sorted
  bool operator==(const Rollout&) const = default;
};

// A client stays with its target, as long as that can be used. No cookie name: off.
struct Sticky {
  std::string cookie;
  base::Time ttl = 0;  // 0: as long as the browser's session
  bool operator==(const Sticky&) const = default;
};

// Fields that the access log shows, by the names that it shows them under.
struct LoggedFields {
  std::vector<std::string> request, response;
  bool operator==(const LoggedFields&) const = default;
};

struct Service {
  std::string site;    // its key: "app.example.com/admin/"
  std::string name;    // whose site it is; sites of one name share health and gate
  std::string origin;  // "proxy.toml:18"
  Answer answer = Answer::Proxy;
  int status = 0;    // Answer::Status
  std::string text;  // redirect template, or the text of a fixed status
  std::vector<WeightedTarget> targets;
  Balance balance = Balance::P2c;
  std::string hash_name;  // Balance::HashHeader and HashCookie: of the field or the cookie
  ReadSplit read_split;
  Rollout rollout;
  bool rolls_out = false;  // else the new targets get nothing
  Sticky sticky;
  Outlier outlier;
  Gate gate;
  std::string health_path;  // answered here while the gate is not Running; empty: none is
  Timeouts timeouts;
  unsigned retry_times = 0;
  unsigned retry_on = 0;           // RetryOn bits
  base::Time retry_hold = 0;       // how long a request waits for a healthy target; 0: not at all
  base::Time retry_backoff = 0;    // before a target is tried once more, at most 30 s; 0: never
  std::uint32_t inflight_max = 0;  // 0 = no limit
  // Requests in flight over all workers, counted only when there is a limit; carried over by a
  // reload.
  std::shared_ptr<Places> inflight = std::make_shared<Places>();
  Rate rate;  // of requests; no interval: no limit
  RateBy rate_by = RateBy::ClientIp;
  std::string rate_name;  // RateBy::Header and Cookie: of the field or the cookie
  // Null without a rate; carried over by a reload that leaves `rate` as it is.
  std::shared_ptr<RateLimit> rate_limit;
  std::shared_ptr<SiteMetrics> metrics;  // carried over, too; never null once published
  std::uint64_t body_bytes_max = 0;      // 0 = no limit
  Buffering buffering;
  HostPolicy host_policy = HostPolicy::Keep;
  std::string host_literal;
  std::string strip_prefix;  // rewrite.strip; empty = none
  std::vector<http::FieldEdit> request_edits;
  std::vector<http::FieldEdit> response_edits;
  std::vector<http::FieldEdit> secure_response_edits;  // instead, to clients with TLS: with HSTS
  bool redirects_to_https = false;                     // requests without TLS
  std::string canonical_host;    // requests for another are redirected there; empty: none are
  std::string client_ip_header;  // whose value is the client's address; empty: its own is
  bool forward_headers = false;  // any client is believed as a trusted proxy is
  bool scope_cookies = false;    // `strip_prefix` goes before the Path of the target's cookies
  http::CorsPolicy cors;         // what it takes the place of is in both `response_edits`
  LoggedFields logged_fields;
  std::vector<std::string> uncounted_paths;  // exact, without `strip_prefix`: not in `metrics`
  tls::Digest client_ca{};  // whom clients must be verified by; zeros: anybody may come
  std::map<int, std::string> error_pages;  // status → HTML; 5 stands for 5xx, 4 for 4xx

  // Whether two services are the same in everything but `origin` and what `inflight`, `rate_limit`
  // and `metrics` count: then the old object goes on being used. Targets are compared by identity,
  // weight, pool and health.
  [[nodiscard]] bool same_as(const Service& other) const;
};

}  // namespace engine::route
