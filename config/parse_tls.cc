// SPDX-License-Identifier: GPL-3.0-or-later
// [tls], and the `tls` and `upstream_tls` of a site.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "config/address.h"
#include "config/parse.h"
#include "config/text.h"
#include "config/units.h"

namespace config {
namespace {

void read_min(Reader& reader, const Entry& entry, Settings& settings) {
  using Version = Tls::Version;
  static constexpr std::array kChoices = {std::pair{std::string_view("1.2"), Version::Tls12},
                                          std::pair{std::string_view("1.3"), Version::Tls13}};
  // Without quotes it is a number to TOML.
  if (!entry.node.is_string()) return reader.wrong_type(entry, "\"1.2\" or \"1.3\"");
  std::string version;
  if (!reader.string(entry, version)) return;
  if (version == "1.0" || version == "1.1") {  // RFC 8996
    return reader.error(entry.node.source(),
                        fmt::format("TLS {} is no longer safe, and browsers refuse it", version),
                        "write \"1.2\" or \"1.3\"");
  }
  reader.choice<Version>(entry, kChoices, {}, settings.config.tls.min);
}

constexpr std::array kFilesFields = {
    Field<Tls::Files>{"cert",
                      [](Reader& reader, const Entry& entry, Tls::Files& files) {
                        reader.path(entry, "a PEM file", files.cert);
                      }},
    Field<Tls::Files>{"key",
                      [](Reader& reader, const Entry& entry, Tls::Files& files) {
                        reader.path(entry, "a PEM file", files.key);
                      }},
    Field<Tls::Files>{"default",
                      [](Reader& reader, const Entry& entry, Tls::Files& files) {
                        reader.boolean(entry, files.is_default);
                      }},
};

Tls::Files parse_files(Reader& reader, const toml::table& table, const Place& place) {
  Tls::Files files;
  files.where = reader.position(table.source());
  read_fields<Tls::Files>(reader, table, place, kFilesFields, files);
  for (std::string_view needed : {"cert", "key"}) {
    if (table.contains(needed)) continue;
    reader.error(table.source(), fmt::format("a certificate needs {}", in_quotes(needed)),
                 "write { cert = \"site.pem\", key = \"site.key\" }");
  }
  return files;
}

// Only one file of the configuration may write the list, so a line is enough to find the other.
void check_against(Reader& reader, const toml::table& table, const std::vector<Tls::Files>& others,
                   const Tls::Files& files) {
  auto same = std::ranges::find(others, files.cert, &Tls::Files::cert);
  if (!files.cert.empty() && same != others.end()) {
    reader.error(table.source(),
                 fmt::format("certificate {} is already on line {}", in_quotes(files.cert),
                             same->where.line),
                 "keep one of the two");
  }
  auto first = std::ranges::find(others, true, &Tls::Files::is_default);
  if (files.is_default && first != others.end()) {
    reader.error(table.source(),
                 fmt::format("the default certificate is already on line {}", first->where.line),
                 "keep default = true for one of the two");
  }
}

void read_files(Reader& reader, const Entry& entry, Settings& settings) {
  const toml::array* list = entry.node.as_array();
  if (list == nullptr) return reader.wrong_type(entry, "a list of tables");
  std::vector<Tls::Files>& all = settings.config.tls.files;
  Place place{place_inside(entry).label, {}, false};
  all.clear();
  for (const toml::node& node : *list) {
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      reader.wrong_type({entry.key, node, entry.place}, "a list of tables");
      continue;
    }
    Tls::Files files = parse_files(reader, *table, place);
    check_against(reader, *table, all, files);
    all.push_back(std::move(files));
  }
}

void read_redirect(Reader& reader, const Entry& entry, SiteTls& tls) {
  reader.boolean(entry, tls.redirect);
}

void read_hsts(Reader& reader, const Entry& entry, SiteTls& tls) {
  if (!entry.node.is_string()) return reader.wrong_type(entry, "a duration such as \"365d\"");
  std::string written;
  if (!reader.string(entry, written)) return;
  if (written.empty()) written = "0s";
  std::optional<Milliseconds> age = parse_duration(written);
  if (!age) {
    return reader.error(entry.node.source(), not_a_duration(written),
                        "a year is \"365d\", the most is \"730d\"");
  }
  auto seconds = std::chrono::floor<std::chrono::seconds>(*age);
  if (seconds != *age) {  // RFC 6797, 6.1.1
    return reader.error(entry.node.source(), "\"hsts\" counts whole seconds",
                        "write for example \"365d\"");
  }
  tls.hsts = seconds;
}

template <typename Owner, std::string Owner::* member>
void read_pem(Reader& reader, const Entry& entry, Owner& tls) {
  reader.path(entry, "a PEM file", tls.*member);
}

// Of no use alone.
void check_pair(Reader& reader, const Entry& entry, std::string_view example) {
  const toml::table* table = entry.node.as_table();
  if (table == nullptr || table->contains("cert") == table->contains("key")) return;
  std::string_view written = table->contains("cert") ? "cert" : "key";
  std::string_view missing = written == "cert" ? "key" : "cert";
  reader.error(table->find(written)->first.source(),
               fmt::format("{} is of no use without {}", in_quotes(written), in_quotes(missing)),
               fmt::format("write both: cert = \"{0}.pem\", key = \"{0}.key\"", example));
}

constexpr std::array kSiteFields = {
    Field<SiteTls>{"redirect", read_redirect},
    Field<SiteTls>{"hsts", read_hsts},
    Field<SiteTls>{"client_ca", read_pem<SiteTls, &SiteTls::client_ca>},
    Field<SiteTls>{"cert", read_pem<SiteTls, &SiteTls::cert>},
    Field<SiteTls>{"key", read_pem<SiteTls, &SiteTls::key>},
};

// Lets a field of a site stand in [tls], for every site that does not say otherwise.
template <void (*read)(Reader&, const Entry&, SiteTls&)>
void to_every_site(Reader& reader, const Entry& entry, Settings& settings) {
  read(reader, entry, settings.config.defaults.tls);
}

constexpr std::array kTlsFields = {
    Field<Settings>{"min", read_min},
    Field<Settings>{"files", read_files},
    Field<Settings>{"redirect", to_every_site<read_redirect>},
    Field<Settings>{"hsts", to_every_site<read_hsts>},
    Field<Settings>{"local_ca",
                    [](Reader& reader, const Entry& entry, Settings& settings) {
                      reader.boolean(entry, settings.config.tls.local_ca);
                    }},
    Field<Settings>{"email", nullptr},
    Field<Settings>{"ca", nullptr},
    Field<Settings>{"ask", nullptr},
    Field<Settings>{"dns_exec", nullptr},
};

// RFC 6066, 3: the name a client sends is never an address.
void read_server_name(Reader& reader, const Entry& entry, UpstreamTls& tls) {
  std::string name;
  if (!reader.string(entry, name)) return;
  if (is_ipv4(name) || canonical_ipv6(name)) {
    return reader.error(entry.node.source(),
                        fmt::format("{} is an address, not a server name", in_quotes(name)),
                        "write a name that is in the target's certificate");
  }
  if (std::optional<Complaint> complaint = check_host_name(name)) {
    return reader.error(entry.node.source(), std::move(*complaint));
  }
  tls.server_name = lower(name);
}

void read_insecure(Reader& reader, const Entry& entry, UpstreamTls& tls) {
  reader.boolean(entry, tls.insecure);
  if (!tls.insecure) return;
  reader.warning(entry.key.source(), {"the certificate of the target is not checked: whoever is "
                                      "between us and the target can read and change everything",
                                      "name the authority that issued it with ca"});
}

constexpr std::array kUpstreamFields = {
    Field<UpstreamTls>{"server_name", read_server_name},
    Field<UpstreamTls>{"ca", read_pem<UpstreamTls, &UpstreamTls::ca>},
    Field<UpstreamTls>{"cert", read_pem<UpstreamTls, &UpstreamTls::cert>},
    Field<UpstreamTls>{"key", read_pem<UpstreamTls, &UpstreamTls::key>},
    Field<UpstreamTls>{"insecure", read_insecure},
};

}  // namespace

void parse_tls(Reader& reader, const Entry& entry, Settings& settings) {
  read_table<Settings>(reader, entry, kTlsFields, settings);
}

void parse_site_tls(Reader& reader, const Entry& entry, SiteTls& tls) {
  read_table<SiteTls>(reader, entry, kSiteFields, tls);
  check_pair(reader, entry, "site");
}

void parse_upstream_tls(Reader& reader, const Entry& entry, UpstreamTls& tls) {
  read_table<UpstreamTls>(reader, entry, kUpstreamFields, tls);
  check_pair(reader, entry, "client");
}

}  // namespace config
