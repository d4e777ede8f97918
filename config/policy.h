// SPDX-License-Identifier: GPL-3.0-or-later
// What a site wishes beyond its targets, and what [defaults] may say. Plain data, every default
// filled in.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/defaults.h"
#include "config/position.h"

namespace config {

using Milliseconds = std::chrono::milliseconds;

struct Balance {
  enum class Kind : uint8_t {
    PowerOfTwo,
    RoundRobin,
    LeastConn,
    HashClientIp,
    HashHeader,
    HashCookie,
    First,
  };

  Kind kind = Kind::PowerOfTwo;
  std::string name;  // HashHeader: the field's, lower case; HashCookie: the cookie's

  friend bool operator==(const Balance&, const Balance&) = default;
};

// 0 = no limit.
struct Timeout {
  Milliseconds connect = kTimeoutConnect;
  Milliseconds first_byte = kTimeoutFirstByte;
  Milliseconds idle = kTimeoutIdle;
  Milliseconds total = kTimeoutTotal;

  friend bool operator==(const Timeout&, const Timeout&) = default;
};

// A name is in one of the three only, whatever its case.
struct HeaderEdits {
  using Fields = std::vector<std::pair<std::string, std::string>>;  // name as written, value

  Fields set;
  Fields defaults;                  // set only where there is none
  std::vector<std::string> remove;  // names as written; "X-Internal-*": all that begin so

  friend bool operator==(const HeaderEdits&, const HeaderEdits&) = default;
};

struct Host {
  enum class Kind : uint8_t { Keep, Upstream, Literal };

  Kind kind = Kind::Keep;
  std::string literal;

  friend bool operator==(const Host&, const Host&) = default;
};

// The one host of a site; requests for its others are redirected there. No name: none is.
struct CanonicalHost {
  std::string name;
  Position where;

  friend bool operator==(const CanonicalHost& a, const CanonicalHost& b) {
    return a.name == b.name;
  }
};

// Fields that the access log shows, as written.
struct LoggedHeaders {
  std::vector<std::string> request;
  std::vector<std::string> response;

  friend bool operator==(const LoggedHeaders&, const LoggedHeaders&) = default;
};

struct Retry {
  unsigned times = kRetryTimes;  // tries after the first one; 0 = never
  bool on_connect = true;        // nothing was sent yet: safe for every method
  bool on_502 = false;
  bool on_503 = false;
  bool on_504 = false;
  Milliseconds hold{0};  // how long a request waits for a healthy target; 0 = not at all
  bool on_429 = false;
  // Before a target is tried once more, twice as long each time; 0 = each target is tried once.
  Milliseconds backoff{0};

  friend bool operator==(const Retry&, const Retry&) = default;
};

// So many in each period, spread over it.
struct Rate {
  uint64_t count = 0;  // 0 = any number
  Milliseconds per{1'000};

  friend bool operator==(const Rate&, const Rate&) = default;
};

// Which requests count together; where the field or the cookie is missing, those of one address.
struct LimitBy {
  enum class Kind : uint8_t { ClientIp, Header, Cookie, All };

  Kind kind = Kind::ClientIp;
  std::string name;  // Header: the field's, lower case; Cookie: the cookie's

  friend bool operator==(const LimitBy&, const LimitBy&) = default;
};

struct Limit {
  uint64_t inflight = 0;        // requests of this site at once; 0 = no limit
  uint64_t body_bytes = 0;      // largest request body; 0 = no limit
  uint64_t response_bytes = 0;  // largest response body, of those that are buffered; 0 = no limit
  Rate rate;                    // of requests; none = no limit
  uint64_t burst = 0;           // so many of these at once; 0 = at_once() says
  LimitBy by;

  // `burst`, else what the rate brings in a second; at least one.
  uint64_t at_once() const {
    if (burst > 0) return burst;
    return std::max<uint64_t>(rate.count * 1'000 / static_cast<uint64_t>(rate.per.count()), 1);
  }

  friend bool operator==(const Limit&, const Limit&) = default;
};

// Which bodies are complete before they go on.
struct Buffer {
  bool requests = false;
  bool responses = false;
  uint64_t memory_bytes = kBufferMemory;  // of each body; the rest is in a temporary file

  friend bool operator==(const Buffer&, const Buffer&) = default;
};

// Whether a target is up, asked from it. No path: nobody asks.
struct Health {
  // Inclusive.
  struct Statuses {
    int first = 200;
    int last = 299;
    friend bool operator==(const Statuses&, const Statuses&) = default;
  };

  std::string path;   // "/up", perhaps with a query
  uint16_t port = 0;  // 0 = the target's
  std::string host;   // the Host field; empty = the target's
  Statuses status;    // what a healthy target answers
  Milliseconds every = kHealthEvery;
  Milliseconds timeout = kHealthTimeout;
  unsigned rise = kHealthRise;  // good answers in a row until it is up
  unsigned fall = kHealthFall;  // bad ones until it is down

  friend bool operator==(const Health&, const Health&) = default;
};

// When a target that fails requests is left alone for a while; never the last one. errors 0: never.
struct Outlier {
  unsigned errors = 0;  // failures to connect and 5xx in a row
  Milliseconds window = kOutlierWindow;
  Milliseconds eject = kOutlierEject;

  friend bool operator==(const Outlier&, const Outlier&) = default;
};

// A client stays with its target by a cookie. No name: off.
struct Sticky {
  std::string cookie;
  Milliseconds ttl{0};  // 0 = as long as the browser's session

  friend bool operator==(const Sticky&, const Sticky&) = default;
};

// How requests are shared between writers and readers, where there are readers.
struct ReadSplit {
  Milliseconds affinity = kWriterAffinity;  // reads go to writers so long after a write
  bool websockets = false;                  // readers take them too

  friend bool operator==(const ReadSplit&, const ReadSplit&) = default;
};

// What pages of other origins may do, by their browsers' leave. No origins: no CORS.
struct Cors {
  // As browsers write them, such as "https://app.example.com:8443"; "https://*.example.com" for every
  // name below, "loopback" for pages of this machine; "*" alone for any.
  std::vector<std::string> origins;
  std::vector<std::string> methods = {"GET", "HEAD", "POST"};
  std::vector<std::string> headers;     // as written; "*" alone: whatever is asked for
  bool credentials = false;             // never with origins "*"
  std::optional<Milliseconds> max_age;  // of an answer to a preflight; whole seconds

  friend bool operator==(const Cors&, const Cors&) = default;
};

// What a site wishes beyond its target: [defaults] and the site's own keys, already merged.
struct Policy {
  Balance balance;
  Timeout timeout;
  HeaderEdits request_headers;
  HeaderEdits response_headers;
  std::string strip_prefix;  // "/v1": taken off the path before it goes to the target
  Host host;
  CanonicalHost canonical_host;
  std::string client_ip_header;  // whose value is the client's address; empty = none
  bool forward_headers = false;  // any client is believed as [trust] proxies are
  bool scope_cookies = false;    // the Path of the target's cookies gets strip_prefix before it
  LoggedHeaders logged_headers;
  std::vector<std::string> uncounted_paths;  // as the target sees them
  Retry retry;
  Limit limit;
  Buffer buffer;
  Health health;
  Outlier outlier;
  Sticky sticky;
  ReadSplit read_split;
  Cors cors;
  std::string errors_directory;  // empty = none; a relative one starts at the file that names it

  friend bool operator==(const Policy&, const Policy&) = default;
};

}  // namespace config
