// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/explain.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

#include "config/units.h"
#include "engine/http/target.h"
#include "engine/route/host_key.h"
#include "engine/route/table.h"

namespace engine::control {
namespace {

struct Url {
  bool secure = false;
  std::string host;
  std::string path;
};

std::expected<Url, Refusal> parse(std::string_view text) {
  Url url;
  const std::size_t scheme = text.find("://");
  if (scheme != text.npos) {
    const std::string_view name = text.substr(0, scheme);
    if (name != "http" && name != "https") {
      return std::unexpected(Refusal{.status = 400,
                                     .detail = fmt::format("\"{}\" is no http address", text),
                                     .hint = "write for example https://shop.example.com/cart",
                                     .field = "url"});
    }
    url.secure = name == "https";
    text.remove_prefix(scheme + 3);
  }
  const std::size_t slash = text.find_first_of("/?");
  url.host = text.substr(0, slash);
  std::string_view path = slash == text.npos ? "/" : text.substr(slash);
  path = path.substr(0, path.find_first_of("?#"));
  std::array<char, 64 * 1024> room;
  url.path = http::normalise_path(path.empty() ? "/" : path, room);
  if (!url.host.empty() && url.path.starts_with('/')) return url;
  return std::unexpected(Refusal{.status = 400,
                                 .detail = fmt::format("\"{}\" names no host and path", text),
                                 .hint = "write for example https://shop.example.com/cart",
                                 .field = "url"});
}

route::Table table_of(const config::Config& config) {
  std::vector<route::Site> sites;
  for (const config::Site& site : config.sites) {
    sites.push_back({.host = site.host,
                     .prefix = site.prefix.empty() ? "/" : site.prefix,
                     .service_index = static_cast<std::uint32_t>(sites.size())});
  }
  return route::Table(std::move(sites));
}

std::string why_host(const config::Site& site, const std::string& host) {
  if (site.host == "*")
    return fmt::format("no site names the host {}, and \"*\" takes every other", host);
  if (site.host.starts_with("*."))
    return fmt::format("the host {} is below {}, and no site names it exactly", host,
                       site.host.substr(2));
  return fmt::format("the host {} is named exactly", host);
}

std::string duration(config::Milliseconds value) {
  return value.count() == 0 ? "none" : config::format_duration(value);
}

std::string by_text(const config::LimitBy& by) {
  switch (by.kind) {
    case config::LimitBy::Kind::ClientIp: return "client-ip";
    case config::LimitBy::Kind::Header: return "header:" + by.name;
    case config::LimitBy::Kind::Cookie: return "cookie:" + by.name;
    case config::LimitBy::Kind::All: return "all";
  }
  return {};
}

Json limit_of(const config::Limit& limit) {
  Json json = {{"inflight", limit.inflight},
               {"body_bytes", limit.body_bytes},
               {"response_bytes", limit.response_bytes}};
  if (limit.rate.count == 0) return json;
  json["rate"] = config::format_rate(limit.rate);
  json["burst"] = limit.at_once();
  json["by"] = by_text(limit.by);
  return json;
}

Json cors_of(const config::Cors& cors) {
  Json json = {{"origins", cors.origins},
               {"methods", cors.methods},
               {"headers", cors.headers},
               {"credentials", cors.credentials}};
  if (cors.max_age) json["max_age"] = config::format_duration(*cors.max_age);
  return json;
}

// To another scheme, another host, or both at once; empty when the request is right here.
std::string redirect_of(const config::Site& site, const Url& url) {
  const std::string& canonical = site.policy.canonical_host.name;
  const route::HostKey host(url.host);
  const bool to_https = site.tls.redirect && !url.secure;
  const bool to_host = !canonical.empty() && !(host.fits() && host.text() == canonical);
  if (to_https && to_host)
    return fmt::format("308 to https://{}, as tls.redirect and canonical_host say", canonical);
  if (to_https) return "308 to https, as tls.redirect is on";
  if (to_host) return fmt::format("308 to the host {}, as canonical_host says", canonical);
  return {};
}

Json outcome_of(const config::Site& site, const Url& url) {
  Json json;
  const config::Target& first = site.targets.front();
  const std::string redirect = redirect_of(site, url);
  if (first.passthrough) {
    json["answer"] = "pass";
    json["outcome"] = url.secure ? "TLS goes to the target undecrypted" : "308 to https";
  } else if (!redirect.empty()) {
    json["answer"] = "redirect";
    json["outcome"] = redirect;
  } else if (first.kind == config::Target::Kind::Redirect) {
    json["answer"] = "redirect";
    json["outcome"] = fmt::format("{} to {}", first.status, first.text);
  } else if (first.kind == config::Target::Kind::Status) {
    json["answer"] = "status";
    json["outcome"] = fmt::format("{} by the engine itself", first.status);
  } else {
    json["answer"] = "proxy";
    json["outcome"] = fmt::format("forwarded to one of {} target{}", site.targets.size(),
                                  site.targets.size() == 1 ? "" : "s");
  }
  return json;
}

}  // namespace

std::expected<Json, Refusal> explain(const config::Config& config, const Question& question) {
  const auto url = parse(question.url);
  if (!url) return std::unexpected(url.error());
  const route::Match match = table_of(config).match(url->host, url->path);
  if (match.found != route::Found::Yes) {
    const bool host = match.found == route::Found::UnknownHost;
    return Json{
        {"site", nullptr},
        {"status", 404},
        {"outcome", "404 by the engine itself"},
        {"why",
         {host ? "no site has the host " + url->host
               : "the host " + url->host + " is known, but none of its paths fits " + url->path}}};
  }
  const config::Site& site = config.sites[match.service_index];
  Json json = outcome_of(site, *url);
  json["site"] = site.key;
  json["service"] = site.service;
  json["origin"] = site.origin();
  Json why = Json::array({why_host(site, url->host)});
  why.push_back(site.prefix.empty()
                    ? std::string("the site takes every path of its host that no other takes")
                    : fmt::format("{} is the longest prefix of {}", site.prefix, url->path));
  json["why"] = std::move(why);
  if (json["answer"] != "proxy") return json;
  Json targets = Json::array();
  for (const config::Target& target : site.targets)
    targets.push_back({{"target", target.display()}, {"weight", target.weight}});
  json["targets"] = std::move(targets);
  json["path"] = http::strip_prefix(url->path, site.policy.strip_prefix);
  const config::Policy& policy = site.policy;
  json["timeout"] = {{"connect", duration(policy.timeout.connect)},
                     {"first_byte", duration(policy.timeout.first_byte)},
                     {"idle", duration(policy.timeout.idle)},
                     {"total", duration(policy.timeout.total)}};
  json["limit"] = limit_of(policy.limit);
  json["buffer"] = {{"requests", policy.buffer.requests},
                    {"responses", policy.buffer.responses},
                    {"memory_bytes", policy.buffer.memory_bytes}};
  json["retry"] = {{"times", policy.retry.times}};
  if (!policy.cors.origins.empty()) json["cors"] = cors_of(policy.cors);
  return json;
}

}  // namespace engine::control
