// SPDX-License-Identifier: GPL-3.0-or-later
// [routes]: site = target.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "config/parse.h"
#include "config/site_key.h"
#include "config/target.h"
#include "config/text.h"

namespace config {
namespace {

constexpr std::string_view kTargetForms =
    "write a port, \"host:port\", \"redirect:…\", \"status:…\", or a list";

void add_target(Reader& reader, const toml::node& node, std::expected<Target, Complaint> target,
                std::vector<Target>& targets) {
  if (!target) return reader.error(node.source(), target.error());
  target->where = reader.position(node.source());
  targets.push_back(std::move(*target));
}

struct WeightedTarget {
  std::vector<Target> targets;  // one, when `url` is right
  bool has_url = false;
  uint64_t weight = 1;
};

void parse_target_node(Reader& reader, const toml::node& node, std::vector<Target>& targets);

constexpr std::array kWeightedFields = {
    Field<WeightedTarget>{"url",
                          [](Reader& reader, const Entry& entry, WeightedTarget& out) {
                            out.has_url = true;
                            if (entry.node.is_table())
                              return reader.wrong_type(entry, "one target");
                            parse_target_node(reader, entry.node, out.targets);
                          }},
    Field<WeightedTarget>{"weight",
                          [](Reader& reader, const Entry& entry, WeightedTarget& out) {
                            reader.integer(entry, out.weight, 0, kWeightMax);
                          }},
};

void parse_weighted(Reader& reader, const toml::table& table, std::vector<Target>& targets) {
  WeightedTarget weighted;
  read_fields<WeightedTarget>(reader, table, Place{"a target", {}, false}, kWeightedFields,
                              weighted);
  if (!weighted.has_url) {
    return reader.error(table.source(), "a target in a table needs \"url\"",
                        "write { url = \"host:port\", weight = 2 }");
  }
  for (Target& target : weighted.targets) {
    target.weight = static_cast<unsigned>(weighted.weight);
    targets.push_back(std::move(target));
  }
}

void parse_target_node(Reader& reader, const toml::node& node, std::vector<Target>& targets) {
  if (const auto* port = node.as_integer()) {
    return add_target(reader, node, port_target(port->get()), targets);
  }
  if (node.is_string()) {
    std::optional<std::string> text = reader.text(node);
    if (text) add_target(reader, node, parse_target(*text), targets);
    return;
  }
  if (const toml::table* table = node.as_table()) return parse_weighted(reader, *table, targets);
  reader.error(node.source(), "this is not a target", std::string(kTargetForms));
}

// `shop.localhost = 3000` without quotes is a table in a table to TOML. Gives the name that was
// meant, when `table` can only be that.
std::optional<std::string> unquoted_name(std::string_view first, const toml::table& table) {
  std::string name(first);
  const toml::table* level = &table;
  while (level->size() == 1) {
    auto only = level->begin();
    if (is_site_key(only->first.str())) break;
    name += fmt::format(".{}", only->first.str());
    if (!only->second.is_table()) return name;
    level = only->second.as_table();
  }
  if (level == &table) return std::nullopt;
  return name;
}

void check_together(Reader& reader, const std::vector<Target>& targets, const toml::node& node) {
  auto is_upstream = [](const Target& target) { return target.is_upstream(); };
  auto lone = std::ranges::find_if_not(targets, is_upstream);
  if (targets.size() > 1 && lone != targets.end()) {
    reader.error(node.source(), fmt::format("{} cannot share a site with other targets",
                                            in_quotes(lone->display())));
  }
  const auto passes = std::ranges::count_if(targets, &Target::passthrough);
  if (passes > 0 && passes < std::ssize(targets)) {
    reader.error(node.source(), "tls-passthrough targets cannot share a site with others",
                 "the site's certificate is either here or at its targets");
  }
  auto is_off = [](const Target& target) { return target.weight == 0; };
  if (!targets.empty() && std::ranges::all_of(targets, is_off)) {
    reader.error(node.source(), "every target has weight 0: none would get a request");
  }
}

void read_long_form(Reader& reader, const toml::key& key, const toml::table& table, Site& site) {
  if (std::optional<std::string> name = unquoted_name(key.str(), table)) {
    return reader.error(key.source(), fmt::format("site {} is not in quotes", in_quotes(*name)),
                        fmt::format("a name with a dot needs them: write {}", in_quotes(*name)));
  }
  SiteWishes wishes;
  wishes.policy = std::move(site.policy);
  wishes.tls = site.tls;
  parse_site_table(reader, table, Place{"site " + in_quotes(key.str()), {}, false}, wishes);
  if (!wishes.has_target) {
    reader.error(key.source(), fmt::format("site {} has no target", in_quotes(key.str())),
                 "write for example to = 3000");
  }
  site.targets = std::move(wishes.targets);
  site.policy = std::move(wishes.policy);
  site.tls = wishes.tls;
  site.upstream_tls = std::move(wishes.upstream_tls);
}

void read_site(Reader& reader, const toml::key& key, const toml::node& node,
               const SiteDefaults& defaults, std::vector<Site>& sites) {
  Site site;
  site.policy = defaults.policy;
  site.tls = defaults.tls;
  site.where = reader.position(key.source());
  std::expected<SiteKey, Complaint> name = parse_site_key(key.str());
  if (!name) {
    reader.error(key.source(), name.error());
  } else {
    site.key = std::move(name->text);
    site.service = site.key;
    site.host = std::move(name->host);
    site.prefix = std::move(name->prefix);
  }
  if (const toml::table* table = node.as_table()) {
    read_long_form(reader, key, *table, site);
  } else {
    parse_targets(reader, node, site.targets);
  }
  if (!site.prefix.empty() && std::ranges::any_of(site.targets, &Target::passthrough)) {
    reader.error(key.source(), "a path cannot be chosen without decrypting",
                 fmt::format("write {}", in_quotes(site.host)));
  }
  if (!site.tls.client_ca.empty() && std::ranges::any_of(site.targets, &Target::passthrough)) {
    reader.error(key.source(), "\"client_ca\" has no effect where TLS ends at the target",
                 "leave it out: the target itself asks clients for certificates");
  }
  if (name) sites.push_back(std::move(site));
}

struct Line {
  const toml::key* key;
  const toml::node* node;
};

}  // namespace

void parse_targets(Reader& reader, const toml::node& node, std::vector<Target>& targets) {
  const toml::array* list = node.as_array();
  if (list == nullptr) return parse_target_node(reader, node, targets);
  if (list->empty()) {
    return reader.error(node.source(), "the list of targets is empty", std::string(kTargetForms));
  }
  for (const toml::node& element : *list) parse_target_node(reader, element, targets);
  check_together(reader, targets, node);
}

std::vector<Site> parse_routes(Reader& reader, const toml::table& root,
                               const SiteDefaults& defaults) {
  auto found = root.find("routes");
  if (found == root.end()) return {};
  const toml::table* table = found->second.as_table();
  if (table == nullptr) {
    reader.error(found->first.source(), "\"routes\" is not a table",
                 "write [routes], and one line per site below it");
    return {};
  }
  std::vector<Line> lines;
  lines.reserve(table->size());
  for (const auto& [key, node] : *table) lines.push_back({&key, &node});
  std::ranges::sort(lines, std::less(), [](const Line& line) {
    const toml::source_position& at = line.key->source().begin;
    return std::tuple(at.line, at.column);
  });
  std::vector<Site> sites;
  sites.reserve(lines.size());
  for (const Line& line : lines) read_site(reader, *line.key, *line.node, defaults, sites);
  return sites;
}

}  // namespace config
