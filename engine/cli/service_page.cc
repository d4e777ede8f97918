// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/service_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/cli/terminal.h"
#include "engine/cli/when.h"

namespace engine::cli {
namespace {

constexpr std::size_t kTargetsShown = 2;
constexpr std::size_t kKeyWidth = 20;

// "web-1:3000, web-2:3000", or how many there are.
std::string targets_text(const std::vector<std::string>& targets) {
  if (targets.size() > kTargetsShown) return fmt::format("{} targets", targets.size());
  return fmt::format("{}", fmt::join(targets, ", "));
}

std::vector<std::string> targets_of(const Json& service) {
  std::vector<std::string> targets;
  for (const Json& target : list_in(service, "targets")) {
    targets.push_back(text_in(target, "target"));
  }
  return targets;
}

std::string state_of(const Json& service) {
  std::string state = text_in(service, "state");
  const std::int64_t waiting = number_in(service, "waiting");
  if (waiting != 0) state += fmt::format(", {} waiting", waiting);
  const Json& rollout = field(service, "rollout");
  if (!rollout.is_object()) return state;
  return state + fmt::format(", rollout {} %", number_in(rollout, "percent"));
}

std::string key_line(const std::string& key, const Json& value) {
  return fmt::format("{:{}} = {}\n", key, kKeyWidth, printable(json_line(value)));
}

// "health": {"path": "/up"} becomes health.path = "/up". A JSON string is one of TOML, too.
void append_options(std::string& page, const std::string& prefix, const Json& options) {
  if (!options.is_object()) return;
  for (const auto& [name, value] : options.items()) {
    const std::string key = prefix + name;
    if (value.is_object()) {
      append_options(page, key + ".", value);
    } else if (!value.is_null()) {
      page += key_line(key, value);
    }
  }
}

std::string target_line(const Json& target) {
  std::string line = fmt::format(
      "{}  {}  {}, weight {}, {} requests ({} running), {} failures", text_in(target, "target"),
      text_in(target, "pool"), text_in(target, "state"), number_in(target, "weight"),
      number_in(target, "requests"), number_in(target, "inflight"), number_in(target, "failures"));
  if (const auto tunnels = number_in(target, "tunnels"); tunnels != 0) {
    line += fmt::format(", {} tunnels", tunnels);
  }
  const Json& probe = field(target, "last_probe");
  if (probe.is_object()) {
    line += fmt::format("; {}, {}", text_in(probe, "result"), shown_time(text_in(probe, "at")));
  }
  return "# target  " + printable(line) + "\n";
}

// "shop.example.com/docs" is a host and a path.
std::pair<std::string, std::string> split_site(const std::string& site) {
  const std::size_t slash = site.find('/');
  return {site.substr(0, slash), slash == site.npos ? "/" : site.substr(slash)};
}

std::string target_of(const Json& route) {
  const auto targets = texts_in(route, "targets");
  if (!targets.empty()) return targets_text(targets);
  return text_in(route, "answer");
}

std::string route_state(const Json& route) {
  const std::string state = text_in(route, "state");
  const std::size_t all = texts_in(route, "targets").size();
  const std::int64_t up = number_in(route, "up");
  if (all < 2) return state;
  return fmt::format("{} ({} of {} up)", state, up, all);
}

}  // namespace

Table services_table(const Json& answer) {
  Table table({"SERVICE", "HOST", "PATH", "TARGET", "STATE", "FROM"});
  for (const Json& service : list_in(answer, "services")) {
    std::vector<std::string> sites = texts_in(service, "sites");
    if (sites.empty()) sites.emplace_back("*");
    for (const std::string& site : sites) {
      const auto [host, path] = split_site(site);
      table.add({text_in(service, "name"), host, path, targets_text(targets_of(service)),
                 state_of(service), text_in(service, "origin")});
    }
  }
  return table;
}

Table::Row routes_header() { return {"SITE", "TARGET", "STATE", "FROM", "TLS", "REQUESTS"}; }

Table::Row route_row(const Json& route) {
  return {text_in(route, "site"), target_of(route),
          route_state(route),     text_in(route, "origin"),
          text_in(route, "tls"),  std::to_string(number_in(route, "requests"))};
}

Table routes_table(const Json& answer) {
  Table table(routes_header());
  for (const Json& route : list_in(answer, "routes")) table.add(route_row(route));
  return table;
}

std::string service_page(const Json& service) {
  std::string page =
      fmt::format("# {}: {}, from {}\n", printable(text_in(service, "name")),
                  printable(state_of(service)), printable(text_in(service, "origin")));
  if (const std::string message = text_in(service, "message"); !message.empty()) {
    page += "# message  " + printable(message) + "\n";
  }
  for (const Json& target : list_in(service, "targets")) page += target_line(target);
  const Json& rollout = field(service, "rollout");
  if (rollout.is_object()) page += "# rollout  " + printable(json_line(rollout)) + "\n";
  page += key_line("sites", list_in(service, "sites"));
  page += key_line("to", targets_of(service));
  append_options(page, "", field(service, "options"));
  return page;
}

}  // namespace engine::cli
