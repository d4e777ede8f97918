// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/deploy_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "config/text.h"

namespace engine::cli {
namespace {

constexpr std::string_view kCertificates =
    "leave it out: certificates are those of files (--tls-certificate-path, [tls] in proxy.toml), "
    "and "
    "local ones";

struct Foreign {
  std::string_view flag;
  std::string_view instead;
};

constexpr std::array kForeign = {
    Foreign{"--tls-acme-cache-path", kCertificates},
    Foreign{"--tls-on-demand-url", kCertificates},
    Foreign{"--tls-staging", kCertificates},
};

bool has_port(std::string_view target) {
  const std::size_t colon = target.rfind(':');
  return colon != target.npos && colon != 0 && config::is_digits(target.substr(colon + 1));
}

// As kamal-proxy: a bare name means its port 80. A number is a port of this machine, and what has a
// scheme says itself which port.
std::string with_port(const std::string& target) {
  const bool complete = has_port(target) || config::is_digits(target) || target.contains("://") ||
                        target.starts_with("unix:");
  return complete ? target : target + ":80";
}

std::vector<std::string> targets_of(const std::vector<std::string>& written) {
  std::vector<std::string> targets = split_commas(written);
  std::ranges::transform(targets, targets.begin(), with_port);
  return targets;
}

// Each host with each path; "/" is every path.
std::vector<std::string> sites_of(const DeployFlags& flags) {
  std::vector<std::string> hosts = split_commas(flags.hosts);
  std::vector<std::string> paths = split_commas(flags.paths);
  if (hosts.empty() && !paths.empty()) hosts.emplace_back("*");
  if (paths.empty()) paths.emplace_back("");
  std::vector<std::string> sites;
  for (const std::string& host : hosts) {
    for (const std::string& path : paths) {
      const bool rooted = path.empty() || path.starts_with('/');
      sites.push_back(host + (path == "/" ? "" : rooted ? path : "/" + path));
    }
  }
  return sites;
}

Json value_of(const std::string& written) {
  // A number of bytes or of seconds stays text unless it is one by itself: "30s", "20MiB".
  Json value = Json::parse(written, nullptr, false);
  return value.is_discarded() ? Json(written) : value;
}

// "a.b=value" becomes {"a": {"b": value}}.
std::expected<void, Misuse> set_key(Json& options, const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == assignment.npos || equals == 0) {
    return std::unexpected(Misuse{fmt::format("--set {}: no key and value", assignment),
                                  "write for example --set balance=round-robin"});
  }
  Json* place = &options;
  for (const std::string_view word :
       config::split(std::string_view(assignment).substr(0, equals), '.')) {
    if (!place->is_object() && !place->is_null()) {
      return std::unexpected(
          Misuse{fmt::format("--set {}: a key on the way has a value already", assignment),
                 "write each key once"});
    }
    place = &(*place)[std::string(word)];
  }
  *place = value_of(assignment.substr(equals + 1));
  return {};
}

Json health_of(const DeployFlags& flags) {
  Json health = {{"path", flags.health_path.empty() ? "/up" : flags.health_path},
                 {"every", flags.health_every.empty() ? "1s" : flags.health_every},
                 {"timeout", flags.health_timeout.empty() ? "5s" : flags.health_timeout}};
  if (flags.health_port != 0) health["port"] = flags.health_port;
  if (!flags.health_host.empty()) health["host"] = flags.health_host;
  return health;
}

bool says_health(const DeployFlags& flags) {
  return !flags.health_path.empty() || !flags.health_every.empty() ||
         !flags.health_timeout.empty() || !flags.health_host.empty() || flags.health_port != 0;
}

void add_lists(Json& options, const DeployFlags& flags) {
  const auto add = [&](const char* table, const char* key, const std::vector<std::string>& values) {
    if (const auto list = split_commas(values); !list.empty()) options[table][key] = list;
  };
  add("log", "request_headers", flags.logged_request_headers);
  add("log", "response_headers", flags.logged_response_headers);
  add("metrics", "skip", flags.uncounted_paths);
}

// The engine runs elsewhere.
std::string path_of(const std::string& written) {
  return std::filesystem::absolute(written).string();
}

// Empty when no flag is an option.
std::expected<Json, Misuse> options_of(const DeployFlags& flags) {
  Json options = Json::object();
  if (!flags.target_timeout.empty()) options["timeout"]["first_byte"] = flags.target_timeout;
  if (!flags.errors.empty()) options["errors"] = path_of(flags.errors);
  if (!flags.body_max.empty()) options["limit"]["body"] = value_of(flags.body_max);
  if (!flags.response_max.empty()) options["limit"]["response"] = value_of(flags.response_max);
  if (flags.buffer_requests) options["buffer"]["requests"] = true;
  if (flags.buffer_responses) options["buffer"]["responses"] = true;
  if (!flags.buffer_memory.empty()) options["buffer"]["memory"] = value_of(flags.buffer_memory);
  if (!flags.affinity.empty()) options["readers"]["affinity"] = flags.affinity;
  if (flags.read_websockets) options["readers"]["websockets"] = true;
  if (!flags.canonical_host.empty()) options["canonical_host"] = flags.canonical_host;
  if (!flags.client_ip_header.empty()) options["client_ip_header"] = flags.client_ip_header;
  if (flags.forward_headers) options["forward_headers"] = true;
  if (flags.scope_cookies) options["scope_cookies"] = true;
  add_lists(options, flags);
  if (flags.tls || !flags.tls_redirect.empty()) {
    options["tls"]["redirect"] = flags.tls_redirect != "false";
  }
  if (!flags.tls_certificate.empty()) options["tls"]["cert"] = path_of(flags.tls_certificate);
  if (!flags.tls_key.empty()) options["tls"]["key"] = path_of(flags.tls_key);
  if (options.empty() && flags.set.empty() && !says_health(flags)) return options;
  options["health"] = health_of(flags);
  for (const std::string& assignment : flags.set) {
    if (auto set = set_key(options, assignment); !set) return std::unexpected(set.error());
  }
  return options;
}

}  // namespace

void settle_older_form(DeployFlags& flags) {
  if (!has_port(flags.name)) return;
  flags.targets.insert(flags.targets.begin(), flags.name);
  const std::vector<std::string> hosts = split_commas(flags.hosts);
  flags.name = hosts.empty() ? flags.name.substr(0, flags.name.rfind(':')) : hosts.front();
}

std::expected<Json, Misuse> rollout_body(const DeployFlags& flags) {
  const std::vector<std::string> targets = targets_of(flags.targets);
  if (targets.empty()) {
    return std::unexpected(Misuse{"no target to deploy",
                                  fmt::format("engine deploy {} --target HOST:PORT", flags.name)});
  }
  Json body = {{"service", flags.name}, {"targets", targets}};
  if (const auto readers = targets_of(flags.read_targets); !readers.empty()) {
    body["read_targets"] = readers;
  }
  body["timeout"] = flags.timeout;
  body["drain"] = flags.drain;
  if (flags.force) body["force"] = true;
  return body;
}

std::expected<Json, Misuse> deploy_body(const DeployFlags& flags) {
  auto body = rollout_body(flags);
  if (!body) return body;
  if (const auto sites = sites_of(flags); !sites.empty()) (*body)["sites"] = sites;
  if (!flags.paths.empty() || !flags.strip_prefix) (*body)["strip_prefix"] = flags.strip_prefix;
  auto options = options_of(flags);
  if (!options) return options;
  if (!options->empty()) (*body)["options"] = std::move(*options);
  return body;
}

std::vector<std::string> split_commas(const std::vector<std::string>& written) {
  std::vector<std::string> all;
  for (const std::string& value : written) {
    for (const std::string_view item : config::split(value, ',')) {
      if (const auto trimmed = config::trim(item); !trimmed.empty()) all.emplace_back(trimmed);
    }
  }
  return all;
}

Json usual_options() { return {{"health", health_of({})}}; }

std::string_view instead_of(std::string_view flag) {
  const auto found = std::ranges::find(kForeign, flag, &Foreign::flag);
  return found == kForeign.end() ? std::string_view() : found->instead;
}

}  // namespace engine::cli
