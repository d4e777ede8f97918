// SPDX-License-Identifier: GPL-3.0-or-later
// The long form of a site, and [defaults], which knows the same words.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/address.h"
#include "config/parse.h"
#include "config/site_key.h"
#include "config/text.h"

namespace config {
namespace {

constexpr std::array kTimeoutFields = {
    Field<Timeout>{"connect", [](Reader& reader, const Entry& entry,
                                 Timeout& timeout) { reader.duration(entry, timeout.connect); }},
    Field<Timeout>{"first_byte",
                   [](Reader& reader, const Entry& entry, Timeout& timeout) {
                     reader.duration(entry, timeout.first_byte);
                   }},
    Field<Timeout>{"idle", [](Reader& reader, const Entry& entry,
                              Timeout& timeout) { reader.duration(entry, timeout.idle); }},
    Field<Timeout>{"total", [](Reader& reader, const Entry& entry,
                               Timeout& timeout) { reader.duration(entry, timeout.total); }},
};

void read_strip(Reader& reader, const Entry& entry, Policy& policy) {
  std::string prefix;
  if (!reader.string(entry, prefix)) return;
  if (auto valid = check_path_prefix(prefix); !valid) {
    return reader.error(entry.node.source(), valid.error());
  }
  if (prefix.ends_with('/')) prefix.pop_back();
  if (prefix.empty()) {
    return reader.error(entry.node.source(), "\"strip\" has nothing to take off", "leave it out");
  }
  policy.strip_prefix = std::move(prefix);
}

constexpr std::array kRewriteFields = {Field<Policy>{"strip", read_strip}};

void read_host(Reader& reader, const Entry& entry, Policy& policy) {
  std::string host;
  if (!reader.string(entry, host)) return;
  if (host == "keep" || host == "upstream") {
    policy.host = {host == "keep" ? Host::Kind::Keep : Host::Kind::Upstream, {}};
    return;
  }
  std::expected<HostPort, Complaint> valid = parse_host_port(host);
  if (!valid) return reader.error(entry.node.source(), valid.error());
  policy.host = {Host::Kind::Literal, lower(host)};
}

// A name that a site may have, but one.
void read_canonical_host(Reader& reader, const Entry& entry, Policy& policy) {
  std::string written;
  if (!reader.string(entry, written)) return;
  CanonicalHost canonical{{}, reader.position(entry.key.source())};
  if (!written.empty()) {
    std::expected<SiteKey, Complaint> key = parse_site_key(written);
    if (!key) return reader.error(entry.node.source(), key.error());
    if (!key->prefix.empty() || key->host.starts_with('*')) {
      return reader.error(entry.node.source(),
                          fmt::format("{} is not the name of one host", in_quotes(written)),
                          "write for example canonical_host = \"example.com\"");
    }
    canonical.name = std::move(key->host);
  }
  policy.canonical_host = std::move(canonical);
}

void read_client_ip_header(Reader& reader, const Entry& entry, Policy& policy) {
  std::string name;
  if (!reader.string(entry, name)) return;
  if (!name.empty() && !is_token(name)) {
    return reader.error(entry.node.source(),
                        fmt::format("{} is not the name of a header", in_quotes(name)),
                        "write for example client_ip_header = \"CF-Connecting-IP\"");
  }
  policy.client_ip_header = std::move(name);
}

void read_uncounted(Reader& reader, const Entry& entry, Policy& policy) {
  std::optional<std::vector<Reader::Item>> items = reader.strings(entry);
  if (!items) return;
  if (items->size() > kUncountedPathsMax) {
    return reader.error(
        entry.key.source(),
        fmt::format("{} names more than {} paths", in_quotes(entry.name()), kUncountedPathsMax));
  }
  policy.uncounted_paths.clear();
  for (Reader::Item& item : *items) {
    if (item.text.starts_with('/') && !item.text.contains('?')) {
      policy.uncounted_paths.push_back(std::move(item.text));
      continue;
    }
    reader.error(item.node->source(), fmt::format("{} is not a path", in_quotes(item.text)),
                 "write one as the target sees it, without its query: \"/healthz\"");
  }
}

constexpr std::array kMetricsFields = {Field<Policy>{"skip", read_uncounted}};

void read_retry_on(Reader& reader, const Entry& entry, Retry& retry) {
  std::optional<std::vector<Reader::Item>> items = reader.strings(entry);
  if (!items) return;
  Retry wanted = retry;
  wanted.on_connect = wanted.on_429 = wanted.on_502 = wanted.on_503 = wanted.on_504 = false;
  for (const Reader::Item& item : *items) {
    if (item.text == "connect") {
      wanted.on_connect = true;
    } else if (item.text == "429") {
      wanted.on_429 = true;
    } else if (item.text == "502") {
      wanted.on_502 = true;
    } else if (item.text == "503") {
      wanted.on_503 = true;
    } else if (item.text == "504") {
      wanted.on_504 = true;
    } else {
      static constexpr std::array<std::string_view, 5> kKnown = {"connect", "429", "502", "503",
                                                                 "504"};
      reader.bad_choice({entry.key, *item.node, entry.place}, item.text, kKnown, {});
    }
  }
  retry = wanted;
}

void read_retry_times(Reader& reader, const Entry& entry, Retry& retry) {
  uint64_t times = retry.times;
  reader.integer(entry, times, 0, kRetryTimesMax);
  retry.times = static_cast<unsigned>(times);
}

void read_backoff(Reader& reader, const Entry& entry, Retry& retry) {
  Milliseconds wanted = retry.backoff;
  reader.duration(entry, wanted);
  if (wanted > kRetryBackoffMax) {
    return reader.error(entry.node.source(), "\"backoff\" is 30 seconds at most",
                        "it doubles with each try");
  }
  retry.backoff = wanted;
}

constexpr std::array kRetryFields = {
    Field<Retry>{"times", read_retry_times},
    Field<Retry>{"on", read_retry_on},
    Field<Retry>{"hold", [](Reader& reader, const Entry& entry,
                            Retry& retry) { reader.duration(entry, retry.hold); }},
    Field<Retry>{"backoff", read_backoff},
};

constexpr std::array kBufferFields = {
    Field<Buffer>{"requests", [](Reader& reader, const Entry& entry,
                                 Buffer& buffer) { reader.boolean(entry, buffer.requests); }},
    Field<Buffer>{"responses", [](Reader& reader, const Entry& entry,
                                  Buffer& buffer) { reader.boolean(entry, buffer.responses); }},
    Field<Buffer>{"memory",
                  [](Reader& reader, const Entry& entry, Buffer& buffer) {
                    reader.size(entry, buffer.memory_bytes, kBufferMemoryMin, kBufferMemoryMax);
                  }},
};

void read_errors(Reader& reader, const Entry& entry, Policy& policy) {
  reader.path(entry, "a directory", policy.errors_directory);
}

void read_to(Reader& reader, const Entry& entry, SiteWishes& wishes) {
  wishes.has_target = true;
  parse_targets(reader, entry.node, wishes.targets);
}

void read_readers_to(Reader& reader, const Entry& entry, SiteWishes& wishes) {
  parse_targets(reader, entry.node, wishes.readers);
  for (const Target& target : wishes.readers) {
    if (target.is_upstream() && !target.passthrough) continue;
    reader.error(entry.node.source(),
                 fmt::format("{} cannot be a reader", in_quotes(target.display())),
                 "readers are targets that requests are forwarded to");
  }
}

constexpr std::array kReadersFields = {
    Field<SiteWishes>{"to", read_readers_to},
    Field<SiteWishes>{"affinity",
                      [](Reader& reader, const Entry& entry, SiteWishes& wishes) {
                        reader.duration(entry, wishes.policy.read_split.affinity);
                      }},
    Field<SiteWishes>{"websockets",
                      [](Reader& reader, const Entry& entry, SiteWishes& wishes) {
                        reader.boolean(entry, wishes.policy.read_split.websockets);
                      }},
};

void read_readers(Reader& reader, const Entry& entry, SiteWishes& wishes) {
  read_table<SiteWishes>(reader, entry, kReadersFields, wishes);
}

void read_tls(Reader& reader, const Entry& entry, SiteWishes& wishes) {
  parse_site_tls(reader, entry, wishes.tls);
}

void read_upstream_tls(Reader& reader, const Entry& entry, SiteWishes& wishes) {
  parse_upstream_tls(reader, entry, wishes.upstream_tls);
}

// Lets a field that only knows a Policy stand in the table of a whole site.
template <void (*read)(Reader&, const Entry&, Policy&)>
void to_policy(Reader& reader, const Entry& entry, SiteWishes& wishes) {
  read(reader, entry, wishes.policy);
}

template <bool Policy::* flag>
void to_flag(Reader& reader, const Entry& entry, SiteWishes& wishes) {
  reader.boolean(entry, wishes.policy.*flag);
}

template <auto& fields, auto member>
void to_member(Reader& reader, const Entry& entry, SiteWishes& wishes) {
  using Member = std::remove_reference_t<decltype(wishes.policy.*member)>;
  read_table<Member>(reader, entry, fields, wishes.policy.*member);
}

template <auto& fields>
void to_table(Reader& reader, const Entry& entry, SiteWishes& wishes) {
  read_table<Policy>(reader, entry, fields, wishes.policy);
}

constexpr std::array kSiteFields = {
    Field<SiteWishes>{"to", read_to},
    Field<SiteWishes>{"balance", to_policy<parse_balance>},
    Field<SiteWishes>{"timeout", to_member<kTimeoutFields, &Policy::timeout>},
    Field<SiteWishes>{"headers", to_policy<parse_headers>},
    Field<SiteWishes>{"rewrite", to_table<kRewriteFields>},
    Field<SiteWishes>{"host", to_policy<read_host>},
    Field<SiteWishes>{"canonical_host", to_policy<read_canonical_host>},
    Field<SiteWishes>{"client_ip_header", to_policy<read_client_ip_header>},
    Field<SiteWishes>{"forward_headers", to_flag<&Policy::forward_headers>},
    Field<SiteWishes>{"scope_cookies", to_flag<&Policy::scope_cookies>},
    Field<SiteWishes>{"log", to_policy<parse_logged_headers>},
    Field<SiteWishes>{"metrics", to_table<kMetricsFields>},
    Field<SiteWishes>{"retry", to_member<kRetryFields, &Policy::retry>},
    Field<SiteWishes>{"limit", to_policy<parse_limit>},
    Field<SiteWishes>{"buffer", to_member<kBufferFields, &Policy::buffer>},
    Field<SiteWishes>{"cors", to_policy<parse_cors>},
    Field<SiteWishes>{"errors", to_policy<read_errors>},
    Field<SiteWishes>{"tls", read_tls},
    Field<SiteWishes>{"upstream_tls", read_upstream_tls},
    Field<SiteWishes>{"readers", read_readers},
    Field<SiteWishes>{"health", to_policy<parse_health>},
    Field<SiteWishes>{"sticky", to_policy<parse_sticky>},
    Field<SiteWishes>{"outlier", to_policy<parse_outlier>},
    Field<SiteWishes>{"breaker", nullptr},
    Field<SiteWishes>{"split", nullptr},
    Field<SiteWishes>{"mirror", nullptr},
    Field<SiteWishes>{"allow", nullptr},
    Field<SiteWishes>{"auth", nullptr},
    Field<SiteWishes>{"compress", nullptr},
    Field<SiteWishes>{"cache", nullptr},
    Field<SiteWishes>{"match", nullptr},
};

void refuse_in_defaults(Reader& reader, const Entry& entry, SiteWishes&) {
  reader.error(entry.key.source(),
               fmt::format("{} belongs to a site, not to [defaults]", in_quotes(entry.name())),
               entry.name() == "tls" ? "write redirect and hsts in [tls]" : "");
}

constexpr std::array<std::string_view, 4> kOnlyInSites = {"to", "rewrite", "tls", "upstream_tls"};

void read_default_readers(Reader& reader, const Entry& entry, SiteWishes& wishes) {
  std::array fields = kReadersFields;
  for (Field<SiteWishes>& field : fields) {
    if (field.name == "to") field.read = refuse_in_defaults;
  }
  read_table<SiteWishes>(reader, entry, fields, wishes);
}

void warn_about_upstream_tls(Reader& reader, const toml::table& table, const SiteWishes& wishes) {
  auto written = table.find("upstream_tls");
  if (written == table.end() || wishes.targets.empty()) return;
  if (std::ranges::any_of(wishes.targets, &Target::tls)) return;
  reader.warning(written->first.source(),
                 {"\"upstream_tls\" has no effect: no target of this site is https://",
                  "write https:// before the targets that speak TLS, or leave it out"});
}

// What needs requests that are forwarded, in a site that has none.
void warn_about_unforwarded(Reader& reader, const toml::table& table, const SiteWishes& wishes) {
  if (wishes.targets.empty()) return;
  const Target& first = wishes.targets.front();
  if (first.is_upstream() && !first.passthrough) return;
  for (std::string_view name : {"health", "sticky", "outlier", "cors"}) {
    // A target that cannot be connected to is an outlier, too; and pages may see what we answer.
    if (name == (first.passthrough ? "outlier" : "cors")) continue;
    auto written = table.find(name);
    if (written == table.end()) continue;
    reader.warning(
        written->first.source(),
        {fmt::format("{} has no effect: no request of this site is forwarded", in_quotes(name)),
         "leave it out"});
  }
}

// A table without the value that it is about, which [defaults] does not have either.
void require(Reader& reader, const toml::table& table, std::string_view name, std::string_view part,
             std::string_view value, std::string_view example) {
  auto written = table.find(name);
  if (written == table.end() || !value.empty()) return;
  const toml::table* inside = written->second.as_table();
  if (inside == nullptr || inside->contains(part)) return;  // wrong, and said; or switched off
  reader.error(written->first.source(),
               fmt::format("{} needs {}", in_quotes(name), in_quotes(part)),
               fmt::format("write for example {} = {{ {} = {} }}", name, part, in_quotes(example)));
}

// A response that is not buffered is on its way before anybody knows its size.
void check_response_limit(Reader& reader, const toml::table& table, const Policy& policy) {
  const toml::table* limit = table["limit"].as_table();
  if (limit == nullptr || policy.buffer.responses || policy.limit.response_bytes == 0) return;
  auto written = limit->find("response");
  if (written == limit->end()) return;
  reader.error(written->first.source(), "\"response\" of \"limit\" needs buffered responses",
               "write buffer = { responses = true }, or leave it out");
}

void add_readers(Reader& reader, const toml::table& table, SiteWishes& wishes) {
  auto written = table.find("readers");
  if (written == table.end() || wishes.targets.empty()) return;
  const Target& first = wishes.targets.front();
  if (!first.is_upstream() || first.passthrough) {
    return reader.error(
        written->first.source(),
        fmt::format("\"readers\" cannot share a site with {}", in_quotes(first.display())));
  }
  for (Target& target : wishes.readers) {
    target.pool = Target::Pool::Readers;
    wishes.targets.push_back(std::move(target));
  }
}

}  // namespace

bool is_site_key(std::string_view name) {
  return std::ranges::find(kSiteFields, name, &Field<SiteWishes>::name) != kSiteFields.end();
}

void parse_site_table(Reader& reader, const toml::table& table, const Place& place,
                      SiteWishes& wishes) {
  read_fields<SiteWishes>(reader, table, place, kSiteFields, wishes);
  require(reader, table, "health", "path", wishes.policy.health.path, "/up");
  require(reader, table, "sticky", "cookie", wishes.policy.sticky.cookie, "lb");
  require(reader, table, "readers", "to", wishes.readers.empty() ? "" : "to", "replica:3000");
  require(reader, table, "cors", "origins", wishes.policy.cors.origins.empty() ? "" : "origins",
          "https://app.example.com");
  check_response_limit(reader, table, wishes.policy);
  check_cors(reader, table, wishes.policy);
  add_readers(reader, table, wishes);
  warn_about_upstream_tls(reader, table, wishes);
  warn_about_unforwarded(reader, table, wishes);
}

void parse_defaults(Reader& reader, const Entry& entry, Policy& policy) {
  std::array fields = kSiteFields;
  for (Field<SiteWishes>& field : fields) {
    if (std::ranges::find(kOnlyInSites, field.name) != kOnlyInSites.end()) {
      field.read = refuse_in_defaults;
    }
    if (field.name == "readers") field.read = read_default_readers;
  }
  SiteWishes wishes;
  wishes.policy = std::move(policy);
  read_table<SiteWishes>(reader, entry, fields, wishes);
  if (const toml::table* table = entry.node.as_table(); table != nullptr) {
    check_response_limit(reader, *table, wishes.policy);
    check_cors(reader, *table, wishes.policy);
  }
  policy = std::move(wishes.policy);
}

}  // namespace config
