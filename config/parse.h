// SPDX-License-Identifier: GPL-3.0-or-later
// TOML nodes of one file → typed values. Internal to config; load.h is the door.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/reader.h"

namespace config {

// Every top-level table and key but [routes]; `include` goes to `includes`.
struct Settings {
  Config config;
  std::vector<Reader::Item> includes;
};

enum class FileRole : uint8_t { Main, Included };

void parse_settings(Reader& reader, const toml::table& root, FileRole role, Settings& settings);

// [routes] of one file, in the order of its lines, each site with `defaults` below its own wishes.
std::vector<Site> parse_routes(Reader& reader, const toml::table& root,
                               const SiteDefaults& defaults);

// The tables inside, one file each.
void parse_engine(Reader& reader, const Entry& entry, Engine& engine);
void parse_log(Reader& reader, const Entry& entry, Log& log);
void parse_defaults(Reader& reader, const Entry& entry, Policy& policy);
void parse_admin(Reader& reader, const Entry& entry, Admin& admin);
void parse_tls(Reader& reader, const Entry& entry, Settings& settings);
// What a site does with header fields.
void parse_headers(Reader& reader, const Entry& entry, Policy& policy);
void parse_logged_headers(Reader& reader, const Entry& entry, Policy& policy);
// Which of a site's targets gets a request.
void parse_balance(Reader& reader, const Entry& entry, Policy& policy);
// "header:NAME" or "cookie:NAME" after `before`: a part of a request that tells clients apart. Nothing
// where `word` is neither; without a name where that is none, which is reported.
struct FieldOrCookie {
  bool is_cookie = false;
  std::string name;  // of a header in lower case
};
std::optional<FieldOrCookie> parse_field_or_cookie(Reader& reader, const Entry& entry,
                                                   std::string_view word, std::string_view before);
void parse_sticky(Reader& reader, const Entry& entry, Policy& policy);
void parse_health(Reader& reader, const Entry& entry, Policy& policy);
void parse_outlier(Reader& reader, const Entry& entry, Policy& policy);
// What is too much for it.
void parse_limit(Reader& reader, const Entry& entry, Policy& policy);
// What pages of other origins may do; and whether that is possible, in a site or in [defaults].
void parse_cors(Reader& reader, const Entry& entry, Policy& policy);
void check_cors(Reader& reader, const toml::table& table, const Policy& policy);
void parse_site_tls(Reader& reader, const Entry& entry, SiteTls& tls);
void parse_upstream_tls(Reader& reader, const Entry& entry, UpstreamTls& tls);

struct SiteWishes {
  std::vector<Target> targets;  // in the end the readers too
  std::vector<Target> readers;
  Policy policy;
  SiteTls tls;
  UpstreamTls upstream_tls;
  bool has_target = false;  // `to` was written, right or wrong
};
void parse_site_table(Reader& reader, const toml::table& table, const Place& place,
                      SiteWishes& wishes);
bool is_site_key(std::string_view name);

// A string, a number, or a list of them.
void parse_targets(Reader& reader, const toml::node& node, std::vector<Target>& targets);

}  // namespace config
