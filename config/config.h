// SPDX-License-Identifier: GPL-3.0-or-later
// The typed values of one proxy.toml: plain data, complete and checked, every default filled in.
// It must not know TOML, sockets, or who reads it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "config/admin.h"
#include "config/defaults.h"
#include "config/listener.h"
#include "config/policy.h"
#include "config/position.h"
#include "config/tls.h"

namespace config {

// An address block. An IPv4 block uses the first four bytes; host bits are zero.
struct Network {
  std::array<uint8_t, 16> address{};
  bool is_v6 = false;
  uint8_t prefix_bits = 0;

  // "10.0.0.0/8", "2001:db8::/32"
  std::string text() const;
  friend bool operator==(const Network&, const Network&) = default;
};

struct Target {
  enum class Kind : uint8_t {
    LoopbackPort,  // `port` on 127.0.0.1 or ::1, whichever answers
    Tcp,           // `host` (name or number, no brackets) and `port`
    Unix,          // `path`
    Redirect,      // `status` and `text`, a URL with {uri} {host} {path} {query} in it
    Status,        // `status` and `text`, the body (may be empty)
  };

  // Which requests of the site it is for; the new ones are those of a rollout.
  enum class Pool : uint8_t { Writers, Readers, NewWriters, NewReaders };

  Kind kind = Kind::LoopbackPort;
  Pool pool = Pool::Writers;
  std::string host;
  uint16_t port = 0;
  std::string path;
  std::string text;
  int status = 0;
  unsigned weight = 1;       // 0..1000; 0 = gets no new requests
  bool tls = false;          // only for Tcp: https://
  bool h2c = false;          // h2c://: HTTP/2 in plaintext
  bool passthrough = false;  // tls-passthrough: what clients send in TLS goes on undecrypted
  Position where;

  bool is_upstream() const { return kind <= Kind::Unix; }
  // As a listing shows it: "localhost:3000", "https://app:443", "h2c://app:50051",
  // "unix:/run/app.sock", "tls-passthrough:db:443", "redirect:…", "status:404".
  std::string display() const;
};

struct Site {
  std::string key;              // "app.example.com/admin/", host in lower case: unique in a Config
  std::string service;          // whose site it is; of proxy.toml: the key
  std::string host;             // "app.example.com", "*.example.com", "[::1]" or "*"
  std::string prefix;           // "/admin/"; empty = every path
  std::vector<Target> targets;  // at least one; Redirect and Status stand alone
  Policy policy;
  SiteTls tls;
  UpstreamTls upstream_tls;
  Position where;

  // "proxy.toml:18"
  std::string origin() const { return where.text(); }
};

// What holds for a site that does not say otherwise.
struct SiteDefaults {
  Policy policy;  // [defaults]
  SiteTls tls;    // `redirect` and `hsts` of [tls]
};

struct EngineLimits {
  uint64_t head_bytes = kLimitHeadBytes;
  uint64_t line_bytes = kLimitLineBytes;
  uint64_t fields = kLimitFields;
  uint64_t connections = kLimitConnections;          // per worker
  uint64_t concurrency = 0;                          // requests in progress at once; 0 = no limit
  uint64_t requests = kLimitRequests;                // on one kept-alive connection; 0 = no limit
  Milliseconds keepalive = kLimitKeepalive;          // idle between two requests
  Milliseconds head = kLimitHead;                    // first byte to complete head
  Milliseconds body = kLimitBody;                    // between two pieces of a request body
  Milliseconds lifetime = kLimitLifetime;            // oldest connection that takes a new request
  uint64_t header_out_bytes = kLimitHeaderOutBytes;  // response head accepted from a target
  uint64_t h2_streams = kLimitH2Streams;             // at a time on one connection of HTTP/2

  friend bool operator==(const EngineLimits&, const EngineLimits&) = default;
};

struct UpstreamPool {
  uint64_t max_connections = 0;          // open to one target at once; 0 = no limit
  uint64_t max_idle = kUpstreamMaxIdle;  // per target and worker
  Milliseconds keepalive = kUpstreamKeepalive;

  friend bool operator==(const UpstreamPool&, const UpstreamPool&) = default;
};

struct Engine {
  enum class Io : uint8_t { Auto, Uring };

  unsigned workers = 0;  // 0 = auto: one per CPU we may run on
  Io io = Io::Auto;
  UpstreamPool upstream;
  Milliseconds grace = kGrace;  // how long a stop waits for running requests
  bool pin = true;              // one CPU per worker
  EngineLimits limits;

  friend bool operator==(const Engine&, const Engine&) = default;
};

enum class LogLevel : uint8_t { Error, Warn, Info, Debug };

struct AccessLog {
  enum class Output : uint8_t { Off, Stdout, Stderr, File };
  enum class Format : uint8_t { Auto, Json, Text };  // Auto: text on a terminal, else json

  Output output = Output::Stdout;
  std::string path;  // File
  Format format = Format::Auto;
  std::vector<std::string> skip;  // path prefixes
  Milliseconds slow{0};           // > 0: only requests that took at least this long, and errors
  double sample = 1.0;            // share of the other requests, 0..1

  friend bool operator==(const AccessLog&, const AccessLog&) = default;
};

struct Log {
  LogLevel level = LogLevel::Info;
  AccessLog access;
  // Parameters of queries whose values no line shows, whatever their case.
  std::vector<std::string> redact{kRedacted.begin(), kRedacted.end()};

  friend bool operator==(const Log&, const Log&) = default;
};

// The address of a client as a trusted proxy writes it before the first byte of the client's own.
enum class ProxyProtocol : uint8_t {
  Off,       // not looked for
  Optional,  // believed where a trusted proxy sends it
  Required,  // and a trusted proxy that does not send it is refused
};

struct Config {
  std::vector<Listener> listen;  // never empty after a load without errors
  std::vector<Site> sites;       // in the order of file, line and column
  SiteDefaults defaults;         // merged into `sites` already
  std::vector<Network> trusted_proxies;
  ProxyProtocol proxy_protocol = ProxyProtocol::Off;  // else trusted_proxies is not empty
  Tls tls;
  Admin admin;
  Engine engine;
  Log log;

  // Those of [tls] and those of sites, every cert once; of a site's the position is the site's.
  std::vector<Tls::Files> certificate_files() const;
};

}  // namespace config
