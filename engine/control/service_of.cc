// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/service_of.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <span>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

namespace engine::control {
namespace {

namespace fs = std::filesystem;

base::Time nanoseconds(config::Milliseconds duration) {
  return duration.count() * base::kMillisecond;
}

std::uint32_t narrow(std::uint64_t value) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(value, std::numeric_limits<std::uint32_t>::max()));
}

route::Balance balance_of(config::Balance::Kind kind) {
  switch (kind) {
    case config::Balance::Kind::PowerOfTwo: return route::Balance::P2c;
    case config::Balance::Kind::RoundRobin: return route::Balance::RoundRobin;
    case config::Balance::Kind::LeastConn: return route::Balance::LeastConn;
    case config::Balance::Kind::HashClientIp: return route::Balance::HashClientIp;
    case config::Balance::Kind::HashHeader: return route::Balance::HashHeader;
    case config::Balance::Kind::HashCookie: return route::Balance::HashCookie;
    case config::Balance::Kind::First: return route::Balance::First;
  }
  return route::Balance::P2c;
}

// Of requests that count together; nothing where there is no limit.
route::Rate rate_of(const config::Limit& limit) {
  if (limit.rate.count == 0) return {};
  return {.interval = nanoseconds(limit.rate.per) / static_cast<base::Time>(limit.rate.count),
          .burst = narrow(limit.at_once())};
}

route::RateBy rate_by_of(config::LimitBy::Kind kind) {
  switch (kind) {
    case config::LimitBy::Kind::ClientIp: return route::RateBy::ClientIp;
    case config::LimitBy::Kind::Header: return route::RateBy::Header;
    case config::LimitBy::Kind::Cookie: return route::RateBy::Cookie;
    case config::LimitBy::Kind::All: return route::RateBy::All;
  }
  return route::RateBy::ClientIp;
}

route::HostPolicy host_policy_of(config::Host::Kind kind) {
  switch (kind) {
    case config::Host::Kind::Keep: return route::HostPolicy::Keep;
    case config::Host::Kind::Upstream: return route::HostPolicy::Upstream;
    case config::Host::Kind::Literal: return route::HostPolicy::Literal;
  }
  return route::HostPolicy::Keep;
}

unsigned retry_bits(const config::Retry& retry) {
  unsigned bits = 0;
  if (retry.on_connect) bits |= route::kRetryConnect;
  if (retry.on_502) bits |= route::kRetry502;
  if (retry.on_503) bits |= route::kRetry503;
  if (retry.on_504) bits |= route::kRetry504;
  if (retry.on_429) bits |= route::kRetry429;
  return bits;
}

// `places`: those that a value may name.
std::vector<http::FieldEdit> edits_of(const config::HeaderEdits& edits,
                                      std::span<const std::string_view> places) {
  using Kind = http::FieldEdit::Kind;
  std::vector<http::FieldEdit> list;
  for (const std::string& name : edits.remove) {
    const bool is_prefix = name.ends_with('*');
    list.push_back({.name = name.substr(0, name.size() - (is_prefix ? 1 : 0)),
                    .value = {},
                    .kind = is_prefix ? Kind::RemovePrefix : Kind::Remove});
  }
  const auto add = [&](const config::HeaderEdits::Fields& fields, Kind kind) {
    for (const auto& [name, value] : fields) {
      list.push_back({.name = name,
                      .value = value,
                      .kind = kind,
                      .has_places = http::has_place(value, places)});
    }
  };
  add(edits.set, Kind::Set);
  add(edits.defaults, Kind::Default);
  return list;
}

std::string joined(const std::vector<std::string>& list) {
  std::string text;
  for (const std::string& each : list) text += (text.empty() ? "" : ", ") + each;
  return text;
}

http::CorsPolicy cors_of(const config::Cors& cors) {
  http::CorsPolicy policy{.origins = cors.origins,
                          .methods = joined(cors.methods),
                          .headers = joined(cors.headers),
                          .credentials = cors.credentials,
                          .max_age = {}};
  if (cors.max_age)
    policy.max_age =
        static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(*cors.max_age).count());
  return policy;
}

void set_answer(const config::Target& target, route::Service& service) {
  if (target.kind == config::Target::Kind::Redirect)
    service.answer = route::Answer::Redirect;
  else if (target.kind == config::Target::Kind::Status)
    service.answer = route::Answer::Status;
  else if (target.passthrough)
    service.answer = route::Answer::Pass;
  else
    return;
  service.status = target.status;
  service.text = target.text;
}

}  // namespace

route::Pool pool_of(config::Target::Pool pool) {
  switch (pool) {
    case config::Target::Pool::Writers: return route::Pool::Writers;
    case config::Target::Pool::Readers: return route::Pool::Readers;
    case config::Target::Pool::NewWriters: return route::Pool::NewWriters;
    case config::Target::Pool::NewReaders: return route::Pool::NewReaders;
  }
  return route::Pool::Writers;
}

route::Service service_of(const config::Site& site, ErrorPages& pages) {
  const config::Policy& policy = site.policy;
  route::Service service;
  service.site = site.key;
  service.name = site.service;
  service.origin = site.origin();
  if (!site.targets.empty()) set_answer(site.targets.front(), service);
  service.balance = balance_of(policy.balance.kind);
  service.hash_name = policy.balance.name;
  service.read_split = {.affinity = nanoseconds(policy.read_split.affinity),
                        .takes_websockets = policy.read_split.websockets};
  service.sticky = {.cookie = policy.sticky.cookie, .ttl = nanoseconds(policy.sticky.ttl)};
  service.outlier = {.errors = policy.outlier.errors,
                     .window = nanoseconds(policy.outlier.window),
                     .eject = nanoseconds(policy.outlier.eject)};
  service.health_path = policy.health.path;
  service.timeouts = {.connect = nanoseconds(policy.timeout.connect),
                      .first_byte = nanoseconds(policy.timeout.first_byte),
                      .idle = nanoseconds(policy.timeout.idle),
                      .total = nanoseconds(policy.timeout.total)};
  service.retry_times = policy.retry.times;
  service.retry_on = retry_bits(policy.retry);
  service.retry_hold = nanoseconds(policy.retry.hold);
  service.retry_backoff = nanoseconds(policy.retry.backoff);
  service.inflight_max = narrow(policy.limit.inflight);
  service.rate = rate_of(policy.limit);
  service.rate_by = rate_by_of(policy.limit.by.kind);
  service.rate_name = policy.limit.by.name;
  service.body_bytes_max = policy.limit.body_bytes;
  service.buffering = {.requests = policy.buffer.requests,
                       .responses = policy.buffer.responses,
                       .memory_bytes = policy.buffer.memory_bytes,
                       .response_bytes_max = policy.limit.response_bytes};
  service.host_policy = host_policy_of(policy.host.kind);
  service.host_literal = policy.host.literal;
  service.strip_prefix = policy.strip_prefix;
  service.request_edits = edits_of(policy.request_headers, http::kRequestPlaces);
  service.response_edits = edits_of(policy.response_headers, http::kResponsePlaces);
  if (!policy.cors.origins.empty()) {
    service.cors = cors_of(policy.cors);
    for (const std::string_view name : http::kCorsFields) {
      service.response_edits.push_back(
          {.name = std::string(name), .value = {}, .kind = http::FieldEdit::Kind::Remove});
    }
  }
  service.secure_response_edits = service.response_edits;
  if (const auto age = site.tls.hsts.count(); age > 0) {
    service.secure_response_edits.push_back(
        {.name = "Strict-Transport-Security", .value = "max-age=" + std::to_string(age)});
  }
  service.redirects_to_https = site.tls.redirect;
  service.canonical_host = policy.canonical_host.name;
  service.client_ip_header = policy.client_ip_header;
  service.forward_headers = policy.forward_headers;
  service.scope_cookies = policy.scope_cookies;
  service.logged_fields = {.request = policy.logged_headers.request,
                           .response = policy.logged_headers.response};
  service.uncounted_paths = policy.uncounted_paths;
  service.error_pages = pages.read(policy.errors_directory, site.where);
  return service;
}

route::ProxyProtocol proxy_protocol_of(config::ProxyProtocol protocol) {
  switch (protocol) {
    case config::ProxyProtocol::Optional: return route::ProxyProtocol::Optional;
    case config::ProxyProtocol::Required: return route::ProxyProtocol::Required;
    case config::ProxyProtocol::Off: break;
  }
  return route::ProxyProtocol::Off;
}

std::shared_ptr<const route::Target> target_of(const config::Target& target,
                                               std::shared_ptr<const route::TargetTls> tls) {
  switch (target.kind) {
    case config::Target::Kind::LoopbackPort:
      return std::make_shared<const route::Target>(route::TargetKind::Loopback, "localhost",
                                                   target.port, nullptr, target.h2c);
    case config::Target::Kind::Unix:
      return std::make_shared<const route::Target>(route::TargetKind::Unix, target.path,
                                                   std::uint16_t{0});
    default:
      return std::make_shared<const route::Target>(route::TargetKind::Tcp, target.host, target.port,
                                                   std::move(tls), target.h2c);
  }
}

route::Limits limits_of(const config::Engine& engine) {
  const config::EngineLimits& from = engine.limits;
  route::Limits limits;
  limits.request_head = {
      .head_bytes = narrow(from.head_bytes),
      .line_bytes = narrow(from.line_bytes),
      .field_count = std::min<std::uint32_t>(narrow(from.fields), http::HeadStorage::kFieldsMax)};
  limits.response_head.head_bytes = narrow(from.header_out_bytes);
  limits.response_head.field_count = http::HeadStorage::kFieldsMax;
  limits.connections_max = narrow(from.connections);
  limits.h2_streams_max = narrow(from.h2_streams);
  limits.requests_per_connection_max = narrow(from.requests);
  limits.requests_max = narrow(from.concurrency);
  limits.head_timeout = nanoseconds(from.head);
  limits.body_timeout = nanoseconds(from.body);
  limits.keepalive_idle = nanoseconds(from.keepalive);
  limits.keepalive_total = nanoseconds(from.lifetime);
  limits.target_connections_max = narrow(engine.upstream.max_connections);
  limits.pool_idle_max = narrow(engine.upstream.max_idle);
  limits.pool_idle_timeout = nanoseconds(engine.upstream.keepalive);
  limits.grace = nanoseconds(engine.grace);
  return limits;
}

int page_status(std::string_view file_name) {
  constexpr std::string_view kSuffix = ".html";
  if (!file_name.ends_with(kSuffix)) return 0;
  file_name.remove_suffix(kSuffix.size());
  if (file_name == "4xx") return 4;
  if (file_name == "5xx") return 5;
  if (file_name.size() != 3 || (file_name[0] != '4' && file_name[0] != '5')) return 0;
  int status = 0;
  for (const char c : file_name) {
    if (c < '0' || c > '9') return 0;
    status = 10 * status + (c - '0');
  }
  return status;
}

const ErrorPages::Pages& ErrorPages::read(const std::string& directory,
                                          const config::Position& where) {
  const auto [at, is_new] = known_.try_emplace(directory);
  Pages& pages = at->second;
  if (directory.empty() || !is_new) return pages;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const int status = page_status(entry->path().filename().string());
    if (status == 0) continue;
    const std::string path = entry->path().string();
    std::ifstream file(path, std::ios::binary);
    std::string text(kPageBytesMax + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    const auto bytes = static_cast<std::size_t>(file.gcount());
    if (!file.is_open() || file.bad()) {
      warn(where, "the error page " + path + " cannot be read",
           "make it readable for the engine's user");
    } else if (bytes > kPageBytesMax) {
      warn(where, "the error page " + path + " is larger than 256 KiB and is not used",
           "make it smaller");
    } else {
      text.resize(bytes);
      pages.emplace(status, std::move(text));
    }
  }
  if (error) {
    warn(where, "the directory of error pages " + directory + " cannot be read: " + error.message(),
         "the built-in pages are used");
  } else if (pages.empty()) {
    warn(where, "there is no error page in " + directory,
         "name them 404.html, 502.html, 4xx.html or 5xx.html");
  }
  return pages;
}

void ErrorPages::warn(const config::Position& where, std::string message, std::string hint) {
  config::Diagnostic diagnostic;
  diagnostic.severity = config::Severity::Warning;
  diagnostic.where = where;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  diagnostics_.push_back(std::move(diagnostic));
}

}  // namespace engine::control
