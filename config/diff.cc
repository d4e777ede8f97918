// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <tuple>
#include <unordered_map>

namespace config {
namespace {

bool same_target(const Target& a, const Target& b) {
  auto meaning = [](const Target& t) {
    return std::tie(t.kind, t.pool, t.host, t.port, t.path, t.text, t.status, t.weight, t.tls,
                    t.h2c, t.passthrough);
  };
  return meaning(a) == meaning(b);
}

bool same_site(const Site& a, const Site& b) {
  return std::ranges::equal(a.targets, b.targets, same_target) && a.policy == b.policy &&
         a.tls == b.tls && a.upstream_tls == b.upstream_tls;
}

bool same_listener(const Listener& a, const Listener& b) {
  return a.host == b.host && a.port == b.port;
}

bool same_files(const Tls::Files& a, const Tls::Files& b) {
  return a.cert == b.cert && a.key == b.key && a.is_default == b.is_default;
}

bool same_tls(const Tls& a, const Tls& b) {
  return a.min == b.min && a.local_ca == b.local_ca &&
         std::ranges::equal(a.files, b.files, same_files);
}

bool same_admin(const Admin& a, const Admin& b) {
  const bool same_http =
      a.http && b.http ? same_listener(*a.http, *b.http) : a.http.has_value() == b.http.has_value();
  return same_http && a.socket == b.socket && a.group == b.group && a.token == b.token;
}

bool same_trust(const Config& a, const Config& b) {
  return a.trusted_proxies == b.trusted_proxies && a.proxy_protocol == b.proxy_protocol;
}

std::unordered_map<std::string_view, const Site*> by_key(const Config& config) {
  std::unordered_map<std::string_view, const Site*> sites;
  sites.reserve(config.sites.size());
  for (const Site& site : config.sites) sites.emplace(site.key, &site);
  return sites;
}

std::string counted(std::size_t number, std::string_view what, bool is_first) {
  if (!is_first) return fmt::format("{} {}", number, what);
  return fmt::format("{} {} {}", number, number == 1 ? "site" : "sites", what);
}

}  // namespace

bool Diff::empty() const {
  return added.empty() && changed.empty() && removed.empty() && settings.empty();
}

std::string Diff::summary() const {
  if (empty()) return "nothing changed";
  std::string out;
  auto add = [&out](const std::vector<std::string>& sites, std::string_view what) {
    if (sites.empty()) return;
    out += (out.empty() ? "" : ", ") + counted(sites.size(), what, out.empty());
  };
  add(added, "added");
  add(changed, "changed");
  add(removed, "removed");
  if (settings.empty()) return out;
  return fmt::format("{}{}{} changed", out, out.empty() ? "" : "; ", fmt::join(settings, ", "));
}

Diff diff(const Config& before, const Config& after) {
  Diff result;
  auto old_sites = by_key(before);
  auto new_sites = by_key(after);
  for (const Site& site : after.sites) {
    auto found = old_sites.find(site.key);
    if (found == old_sites.end()) {
      result.added.push_back(site.key);
    } else if (!same_site(*found->second, site)) {
      result.changed.push_back(site.key);
    }
  }
  for (const Site& site : before.sites) {
    if (!new_sites.contains(site.key)) result.removed.push_back(site.key);
  }
  if (!std::ranges::equal(before.listen, after.listen, same_listener)) {
    result.settings.emplace_back("listen");
  }
  if (!same_trust(before, after)) result.settings.emplace_back("trust");
  if (!same_tls(before.tls, after.tls)) result.settings.emplace_back("tls");
  if (!same_admin(before.admin, after.admin)) result.settings.emplace_back("admin");
  if (before.engine != after.engine) result.settings.emplace_back("engine");
  if (before.log != after.log) result.settings.emplace_back("log");
  return result;
}

}  // namespace config
