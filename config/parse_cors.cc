// SPDX-License-Identifier: GPL-3.0-or-later
// What a site allows to pages of other origins (Fetch standard, "CORS protocol").
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <expected>
#include <optional>

#include "config/address.h"
#include "config/parse.h"
#include "config/text.h"

namespace config {
namespace {

constexpr std::string_view kOriginHint =
    "write for example \"https://app.example.com\", \"https://*.example.com\" or \"loopback\"";

std::unexpected<Complaint> no_origin(std::string_view written) {
  return std::unexpected(
      Complaint{fmt::format("{} is not an origin", in_quotes(written)), std::string(kOriginHint)});
}

// RFC 3986 section 3.1.
bool is_scheme(std::string_view text) {
  if (text.empty() || text.front() < 'a' || text.front() > 'z') return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  });
}

bool is_default_port(std::string_view scheme, uint16_t port) {
  return (scheme == "http" && port == 80) || (scheme == "https" && port == 443);
}

// As a browser writes it: lower case, without the scheme's own port.
std::expected<std::string, Complaint> parse_origin(std::string_view written) {
  const std::string text = lower(written);
  if (text == "*" || text == "loopback") return text;
  const std::size_t mark = text.find("://");
  if (mark == text.npos || !is_scheme(std::string_view(text).substr(0, mark)))
    return no_origin(written);
  const std::string scheme = text.substr(0, mark);
  std::string_view authority = std::string_view(text).substr(mark + 3);
  if (authority.find_first_of("/?#@") != authority.npos) {
    return std::unexpected(Complaint{
        fmt::format("origin {} is more than a scheme, a host and a port", in_quotes(written)),
        fmt::format("write {}", in_quotes(text.substr(0, text.find_first_of("/?#@", mark + 3))))});
  }
  const bool is_wild = authority.starts_with("*.");
  if (is_wild) authority.remove_prefix(2);
  const std::expected<HostPort, Complaint> parts = parse_host_port(authority);
  if (!parts) return std::unexpected(parts.error());
  const bool is_v6 = parts->host.contains(':');
  if (is_wild && (is_v6 || is_ipv4(parts->host))) return no_origin(written);
  std::string origin = scheme + (is_wild ? "://*." : "://");
  origin += is_v6 ? fmt::format("[{}]", parts->host) : parts->host;
  if (parts->port && !is_default_port(scheme, *parts->port))
    origin += fmt::format(":{}", *parts->port);
  return origin;
}

std::optional<std::vector<Reader::Item>> names(Reader& reader, const Entry& entry) {
  std::optional<std::vector<Reader::Item>> items = reader.strings(entry);
  if (!items || items->size() <= kCorsNamesMax) return items;
  reader.error(entry.key.source(), fmt::format("{} of \"cors\" has more than {} entries",
                                               in_quotes(entry.name()), kCorsNamesMax));
  return std::nullopt;
}

// What stands for everything needs nothing beside it.
void check_star(Reader& reader, const Entry& entry, const std::vector<std::string>& list) {
  if (list.size() < 2 || std::ranges::find(list, "*") == list.end()) return;
  reader.error(
      entry.node.source(),
      fmt::format("\"*\" in {} of \"cors\" stands for everything", in_quotes(entry.name())),
      "leave the others out, or the \"*\"");
}

void read_origins(Reader& reader, const Entry& entry, Cors& cors) {
  std::optional<std::vector<Reader::Item>> items = names(reader, entry);
  if (!items) return;
  cors.origins.clear();
  for (const Reader::Item& item : *items) {
    std::expected<std::string, Complaint> origin = parse_origin(item.text);
    if (!origin) {
      reader.error(item.node->source(), origin.error());
      continue;
    }
    cors.origins.push_back(std::move(*origin));
  }
  check_star(reader, entry, cors.origins);
}

// Methods are told apart by their case, and browsers send "get" as it is.
void read_methods(Reader& reader, const Entry& entry, Cors& cors) {
  std::optional<std::vector<Reader::Item>> items = names(reader, entry);
  if (!items) return;
  cors.methods.clear();
  for (Reader::Item& item : *items) {
    const bool has_lower =
        std::ranges::any_of(item.text, [](char c) { return c >= 'a' && c <= 'z'; });
    if (!is_token(item.text) || has_lower || item.text == "*") {
      reader.error(item.node->source(), fmt::format("{} is not a method", in_quotes(item.text)),
                   "write for example \"PATCH\"");
      continue;
    }
    cors.methods.push_back(std::move(item.text));
  }
}

void read_headers(Reader& reader, const Entry& entry, Cors& cors) {
  std::optional<std::vector<Reader::Item>> items = names(reader, entry);
  if (!items) return;
  cors.headers.clear();
  for (Reader::Item& item : *items) {
    if (!is_token(item.text)) {
      reader.error(item.node->source(),
                   fmt::format("{} is not the name of a header", in_quotes(item.text)),
                   "letters, digits and \"-\", without a colon");
      continue;
    }
    cors.headers.push_back(std::move(item.text));
  }
  check_star(reader, entry, cors.headers);
}

void read_max_age(Reader& reader, const Entry& entry, Cors& cors) {
  Milliseconds age = cors.max_age.value_or(Milliseconds(0));
  reader.duration(entry, age);
  if (std::chrono::floor<std::chrono::seconds>(age) != age) {
    return reader.error(entry.node.source(), "\"max_age\" counts whole seconds",
                        "write for example \"10m\"");
  }
  cors.max_age = age;
}

constexpr std::array kCorsFields = {
    Field<Cors>{"origins", read_origins},
    Field<Cors>{"methods", read_methods},
    Field<Cors>{"headers", read_headers},
    Field<Cors>{"credentials", [](Reader& reader, const Entry& entry,
                                  Cors& cors) { reader.boolean(entry, cors.credentials); }},
    Field<Cors>{"max_age", read_max_age},
};

// The name of a field that `cors` writes itself; empty without one.
std::string_view own_field(const HeaderEdits::Fields& fields) {
  static constexpr std::array<std::string_view, 5> kOwn = {
      "access-control-allow-credentials", "access-control-allow-headers",
      "access-control-allow-methods", "access-control-allow-origin", "access-control-max-age"};
  const auto found = std::ranges::find_if(fields, [](const auto& field) {
    return std::ranges::find(kOwn, lower(field.first)) != kOwn.end();
  });
  return found == fields.end() ? std::string_view() : found->first;
}

}  // namespace

void parse_cors(Reader& reader, const Entry& entry, Policy& policy) {
  read_table<Cors>(reader, entry, kCorsFields, policy.cors);
}

void check_cors(Reader& reader, const toml::table& table, const Policy& policy) {
  const Cors& cors = policy.cors;
  if (cors.origins.empty()) return;
  auto written = table.find("cors");
  if (written != table.end() && cors.credentials && cors.origins.front() == "*") {
    reader.error(written->first.source(),
                 "\"cors\" allows any origin with credentials, which browsers refuse",
                 "list the origins that may send cookies, or leave \"credentials\" out");
  }
  std::string_view twice = own_field(policy.response_headers.set);
  if (twice.empty()) twice = own_field(policy.response_headers.defaults);
  auto headers = table.find("headers");
  if (headers != table.end()) written = headers;
  if (twice.empty() || written == table.end()) return;
  reader.error(written->first.source(),
               fmt::format("header {} is set by \"cors\" already", in_quotes(twice)),
               "leave it out of headers.response, or \"cors\" out");
}

}  // namespace config
