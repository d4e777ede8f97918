// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/validate.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "config/text.h"

namespace config {
namespace {

using SitesByKey = std::unordered_map<std::string_view, const Site*>;

// "line 9" in the same file, else "conf.d/shop.toml:9".
std::string seen_from(const Position& here, const Position& there) {
  if (here.file == there.file) return fmt::format("line {}", there.line);
  return there.text();
}

void report(Findings& findings, Severity severity, const Position& where, std::string message,
            std::string hint) {
  Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.where = where;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  findings.report(std::move(diagnostic));
}

SitesByKey index_sites(const Config& config, Findings& findings) {
  SitesByKey sites;
  sites.reserve(config.sites.size());
  for (const Site& site : config.sites) {
    auto [found, is_new] = sites.try_emplace(site.key, &site);
    if (is_new) continue;
    report(findings, Severity::Error, site.where,
           fmt::format("site {} is already on {}", in_quotes(site.key),
                       seen_from(site.where, found->second->where)),
           "keep one of the two");
  }
  return sites;
}

// "/docs" and "/docs/" are two sites; few people mean that.
void warn_about_slashes(const Config& config, const SitesByKey& sites, Findings& findings) {
  for (const Site& longer : config.sites) {
    if (!longer.prefix.ends_with('/')) continue;
    std::string_view shorter_key(longer.key);
    shorter_key.remove_suffix(1);
    auto found = sites.find(shorter_key);
    if (found == sites.end()) continue;
    const Site& shorter = *found->second;
    report(findings, Severity::Warning, shorter.where,
           fmt::format("site {} is also covered by {} on {}; only the longer prefix will be used "
                       "for {}…",
                       in_quotes(shorter.key), in_quotes(longer.key),
                       seen_from(shorter.where, longer.where), longer.prefix),
           {});
  }
}

std::optional<std::string> overlap(const Listener& early, const Listener& late) {
  if (late.port != early.port || late.port == 0) return std::nullopt;
  if (late.host == early.host) return fmt::format("{} is listed twice", in_quotes(late.text()));
  if (!late.host.empty() && !early.host.empty()) return std::nullopt;
  return fmt::format("{} and {} overlap: a port without a host means every address",
                     in_quotes(early.text()), in_quotes(late.text()));
}

void check_listeners(const Config& config, Findings& findings) {
  for (std::size_t i = 0; i < config.listen.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      std::optional<std::string> message = overlap(config.listen[j], config.listen[i]);
      if (!message) continue;
      report(findings, Severity::Error, config.listen[i].where, std::move(*message),
             "keep one of the two");
      break;
    }
  }
}

void check_limits(const Config& config, Findings& findings) {
  const EngineLimits& limits = config.engine.limits;
  if (limits.line_bytes <= limits.head_bytes) return;
  Diagnostic diagnostic;
  diagnostic.message = fmt::format(
      "engine.limits: line ({} bytes) is larger than headers ({} bytes), the whole head",
      limits.line_bytes, limits.head_bytes);
  diagnostic.hint = "raise headers, or lower line";
  const Position* where = findings.claimed("engine.limits.line");
  if (where == nullptr) where = findings.claimed("engine.limits.headers");
  if (where != nullptr) diagnostic.where = *where;
  findings.report(std::move(diagnostic));
}

void check_trust(const Config& config, Findings& findings) {
  if (config.proxy_protocol == ProxyProtocol::Off || !config.trusted_proxies.empty()) return;
  Diagnostic diagnostic;
  diagnostic.message = "\"proxy_protocol\" would believe nobody: \"proxies\" of [trust] is empty";
  diagnostic.hint = "set proxies to the addresses that send it, for example [\"10.0.0.0/8\"]";
  const Position* where = findings.claimed("trust.proxy_protocol");
  if (where != nullptr) diagnostic.where = *where;
  findings.report(std::move(diagnostic));
}

// Others than the people of this machine are asked who they are.
void check_admin(const Config& config, Findings& findings) {
  const std::optional<Listener>& http = config.admin.http;
  if (!http) return;
  if (config.admin.token.empty() && !http->is_loopback()) {
    report(findings, Severity::Error, http->where,
           fmt::format("the control API on {} needs a \"token\": others can reach that address",
                       in_quotes(http->text())),
           fmt::format("set token = \"${{file:/run/secrets/admin_token}}\" in [admin], or write "
                       "http = \"127.0.0.1:{}\"",
                       http->port));
  }
  for (const Listener& listener : config.listen) {
    std::optional<std::string> message = overlap(listener, *http);
    if (!message) continue;
    report(findings, Severity::Error, http->where,
           fmt::format("\"http\" of [admin] is for clients already: {}", *message),
           "choose another port for one of the two");
  }
}

// The handshake comes before the path is known.
void check_client_cas(const Config& config, Findings& findings) {
  std::unordered_map<std::string_view, const Site*> hosts;
  for (const Site& site : config.sites) {
    const Site& first = *hosts.try_emplace(site.host, &site).first->second;
    if (first.tls.client_ca == site.tls.client_ca) continue;
    report(
        findings, Severity::Error, site.where,
        fmt::format("{} and {} on {} share a handshake, but not \"client_ca\"", in_quotes(site.key),
                    in_quotes(first.key), seen_from(site.where, first.where)),
        "write the same tls.client_ca for both, or give one of them another host");
  }
}

void check_certificates(const Config& config, Findings& findings) {
  std::unordered_map<std::string_view, const Site*> hosts;
  for (const Site& site : config.sites) {
    if (site.tls.cert.empty()) continue;
    const Site& first = *hosts.try_emplace(site.host, &site).first->second;
    if (first.tls.cert == site.tls.cert && first.tls.key == site.tls.key) continue;
    report(
        findings, Severity::Error, site.where,
        fmt::format("{} and {} on {} share a handshake, but not a certificate", in_quotes(site.key),
                    in_quotes(first.key), seen_from(site.where, first.where)),
        "write tls.cert and tls.key for one of them");
  }
}

// As requests find their site: the host itself, the wildcards above it, any.
bool is_served(std::string_view host, const std::unordered_set<std::string_view>& hosts) {
  if (hosts.contains(host) || hosts.contains("*")) return true;
  for (std::size_t dot = host.find('.'); dot != host.npos; dot = host.find('.', dot + 1)) {
    if (hosts.contains("*" + std::string(host.substr(dot)))) return true;
  }
  return false;
}

// A redirect must lead to a site, and not on from there.
void check_canonical_hosts(const Config& config, Findings& findings) {
  std::unordered_set<std::string_view> hosts;
  std::unordered_set<std::string_view> canonical;
  for (const Site& site : config.sites) {
    hosts.insert(site.host);
    canonical.insert(site.policy.canonical_host.name);
  }
  std::set<std::pair<std::string, uint32_t>> reported;  // [defaults] speaks for many sites
  for (const Site& site : config.sites) {
    const auto& [name, where] = site.policy.canonical_host;
    if (name.empty()) continue;
    const bool leads_on = name != site.host && canonical.contains(site.host);
    if (!leads_on && is_served(name, hosts)) continue;
    if (!reported.emplace(where.file, where.line).second) continue;
    if (leads_on) {
      report(findings, Severity::Error, where,
             fmt::format("{} is the canonical host of another site, and would be redirected to {}",
                         in_quotes(site.host), in_quotes(name)),
             "write the same canonical_host for both");
    } else {
      report(findings, Severity::Error, where,
             fmt::format("canonical_host {} is the host of no site", in_quotes(name)),
             fmt::format("write a site {}, or one of the hosts that there are", in_quotes(name)));
    }
  }
}

}  // namespace

void validate(const Config& config, Findings& findings) {
  SitesByKey sites = index_sites(config, findings);
  warn_about_slashes(config, sites, findings);
  check_listeners(config, findings);
  check_limits(config, findings);
  check_trust(config, findings);
  check_admin(config, findings);
  check_client_cas(config, findings);
  check_certificates(config, findings);
  check_canonical_hosts(config, findings);
}

}  // namespace config
