// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/runtime.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string_view>
#include <utility>

#include "config/load.h"
#include "config/target.h"
#include "config/text.h"

namespace engine::control {
namespace {

constexpr std::size_t kNameBytesMax = 200;

Json to_json(const RuntimeService::Targets& targets) {
  return {{"writers", targets.writers}, {"readers", targets.readers}};
}

void from_json(const Json& json, RuntimeService::Targets& targets) {
  json.at("writers").get_to(targets.writers);
  json.at("readers").get_to(targets.readers);
}

Json to_json(const RuntimeService& service) {
  return {{"origin", service.origin},          {"sites", service.sites},
          {"options", service.options},        {"strip_prefix", service.strip_prefix},
          {"active", to_json(service.active)}, {"rollout", to_json(service.rollout)}};
}

RuntimeService service_of_json(const Json& json) {
  RuntimeService service;
  json.at("origin").get_to(service.origin);
  json.at("sites").get_to(service.sites);
  json.at("strip_prefix").get_to(service.strip_prefix);
  service.options = json.at("options");
  from_json(json.at("active"), service.active);
  from_json(json.at("rollout"), service.rollout);
  return service;
}

constexpr std::string_view kPaused = "paused";
constexpr std::string_view kStopped = "stopped";

Json to_json(const route::Gate& gate) {
  const bool paused = gate.state == route::Gate::State::Paused;
  return {{"state", paused ? kPaused : kStopped},
          {"max_pause_ns", gate.max_pause},
          {"message", gate.message}};
}

route::Gate gate_of_json(const Json& json) {
  const bool paused = json.at("state").get<std::string>() == kPaused;
  return {.state = paused ? route::Gate::State::Paused : route::Gate::State::Stopped,
          .max_pause = json.at("max_pause_ns").get<base::Time>(),
          .message = json.at("message").get<std::string>()};
}

Json to_json(const TargetWish& wish) {
  Json json = {{"enabled", wish.enabled}};
  if (wish.weight) json["weight"] = *wish.weight;
  return json;
}

TargetWish wish_of_json(const Json& json) {
  TargetWish wish{.weight = {}, .enabled = json.at("enabled").get<bool>()};
  if (json.contains("weight")) wish.weight = json.at("weight").get<unsigned>();
  return wish;
}

template <typename Value>
Json map_to_json(const std::map<std::string, Value>& map) {
  Json json = Json::object();
  for (const auto& [key, value] : map) json[key] = to_json(value);
  return json;
}

// A basic string of TOML takes what one of JSON takes, but for one character; `$` is doubled, so that
// nothing is put in its place.
void append_string(std::string& out, const std::string& text) {
  std::string doubled;
  for (const char c : text) {
    if (c == '$') doubled += '$';
    doubled += c;
  }
  for (const char c : Json(doubled).dump(-1, ' ', false, Json::error_handler_t::replace)) {
    if (c == '\x7f')
      out += "\\u007f";
    else
      out += c;
  }
}

void append_value(std::string& out, const Json& value) {
  if (value.is_string()) return append_string(out, value.get<std::string>());
  if (!value.is_structured()) {
    out += value.is_null() ? "\"\"" : value.dump();
    return;
  }
  const bool is_table = value.is_object();
  out += is_table ? "{ " : "[";
  bool first = true;
  for (const auto& [key, inner] : value.items()) {
    if (!std::exchange(first, false)) out += ", ";
    if (is_table) {
      append_string(out, key);
      out += " = ";
    }
    append_value(out, inner);
  }
  out += is_table ? " }" : "]";
}

std::string toml_of(const std::string& key, const RuntimeService& service) {
  std::string toml = "[routes.";
  append_string(toml, key);
  toml += "]\n";
  const auto line = [&toml](const std::string& name, const Json& value) {
    append_string(toml, name);
    toml += " = ";
    append_value(toml, value);
    toml += '\n';
  };
  if (!service.active.writers.empty()) line("to", service.active.writers);
  for (const auto& [name, value] : service.options.items()) {
    if (name != "to" || service.active.writers.empty()) line(name, value);
  }
  const std::size_t slash = key.find('/');
  if (service.strip_prefix && slash != key.npos && key.substr(slash) != "/" &&
      !service.options.contains("rewrite")) {
    line("rewrite", {{"strip", key.substr(slash)}});
  }
  return toml;
}

// What applications that kamal-proxy deploys find in every request; a service's own options win.
constexpr std::string_view kBaseline = R"([defaults.headers.request]
set = { X-Kamal-Target = "{target}" }
default = { X-Request-Start = "t={unix_ms}" }
)";

// The errors of one site, of those with the first: the options of all are the same.
std::vector<config::Diagnostic> problems_of(std::vector<config::Diagnostic> diagnostics,
                                            const std::vector<std::uint32_t>& first_lines,
                                            const std::string& name) {
  std::vector<config::Diagnostic> problems;
  std::uint32_t end = 0;
  for (config::Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity != config::Severity::Error) continue;
    if (problems.empty()) {
      const auto next = std::ranges::upper_bound(first_lines, diagnostic.where.line);
      end = next == first_lines.end() ? UINT32_MAX : *next;
    }
    if (diagnostic.where.line >= end) break;
    diagnostic.where = {name, 0, 0};  // the lines are of a text that nobody has seen
    diagnostic.source_line.clear();
    problems.push_back(std::move(diagnostic));
  }
  return problems;
}

void add_targets(const std::vector<std::string>& written, config::Target::Pool pool,
                 config::Site& site, std::vector<config::Diagnostic>& problems) {
  for (const std::string& text : written) {
    auto target = config::parse_target(text);
    if (target && !target->is_upstream())
      target = std::unexpected(config::Complaint{config::in_quotes(text) + " is no target", {}});
    if (!target) {
      config::Diagnostic problem;
      problem.where.file = site.service;
      problem.message = target.error().message;
      problem.hint = target.error().hint;
      problems.push_back(std::move(problem));
      continue;
    }
    target->pool = pool;
    site.targets.push_back(std::move(*target));
  }
}

}  // namespace

Json to_json(const Runtime& runtime) {
  return {{"version", kRuntimeVersion},
          {"services", map_to_json(runtime.services)},
          {"gates", map_to_json(runtime.gates)},
          {"rollouts",
           [&] {
             Json json = Json::object();
             for (const auto& [name, share] : runtime.rollouts)
               json[name] = {{"percent", share.percent}, {"list", share.allow_list}};
             return json;
           }()},
          {"targets", map_to_json(runtime.target_wishes)}};
}

std::expected<Runtime, std::string> runtime_of(const Json& json) {
  try {
    const int version = json.at("version").get<int>();
    if (version > kRuntimeVersion)
      return std::unexpected("it was written by a newer version (format " +
                             std::to_string(version) + ")");
    Runtime runtime;
    for (const auto& [name, value] : json.at("services").items())
      runtime.services.emplace(name, service_of_json(value));
    for (const auto& [name, value] : json.at("gates").items())
      runtime.gates.emplace(name, gate_of_json(value));
    for (const auto& [name, value] : json.at("rollouts").items())
      runtime.rollouts.emplace(name,
                               RolloutShare{value.at("percent").get<double>(),
                                            value.at("list").get<std::vector<std::string>>()});
    for (const auto& [id, value] : json.at("targets").items())
      runtime.target_wishes.emplace(id, wish_of_json(value));
    return runtime;
  } catch (const Json::exception& error) {
    return std::unexpected(std::string(error.what()));
  }
}

std::expected<std::vector<config::Site>, std::vector<config::Diagnostic>> sites_of(
    const std::string& name, const RuntimeService& service, const config::SiteDefaults& defaults) {
  std::string toml(kBaseline);
  std::vector<std::uint32_t> first_lines;
  std::set<std::string_view> written;
  for (const std::string& key : service.sites) {
    if (!written.insert(key).second) continue;
    first_lines.push_back(static_cast<std::uint32_t>(std::ranges::count(toml, '\n') + 1));
    toml += toml_of(key, service);
  }
  config::SiteDefaults below = defaults;
  below.policy.canonical_host = {};  // it is a host of the file's sites
  config::Result result =
      config::load_text(std::move(toml), name, config::Environment::empty(), {}, below);
  auto problems = problems_of(std::move(result.diagnostics), first_lines, name);
  std::vector<config::Site> sites = std::move(result.config.sites);
  for (config::Site& site : sites) {
    if (!problems.empty()) break;
    site.service = name;
    site.where = {service.origin, 0, 0};
    add_targets(service.active.readers, config::Target::Pool::Readers, site, problems);
    add_targets(service.rollout.writers, config::Target::Pool::NewWriters, site, problems);
    add_targets(service.rollout.readers, config::Target::Pool::NewReaders, site, problems);
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return sites;
}

bool is_service_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._*/[]:").contains(c);
  });
}

}  // namespace engine::control
