// SPDX-License-Identifier: GPL-3.0-or-later
// Which of a site's targets gets a request: how they are balanced, who stays with one, and which
// are left out.
#include <fmt/format.h>

#include <array>
#include <optional>

#include "config/address.h"
#include "config/parse.h"
#include "config/text.h"
#include "config/units.h"

namespace config {
namespace {

constexpr std::string_view kHash = "hash:";

bool is_name(Reader& reader, const Entry& entry, std::string_view name, std::string_view of,
             std::string_view hint) {
  if (is_token(name)) return true;
  reader.error(entry.node.source(),
               {fmt::format("{} is not the name of a {}", in_quotes(name), of), std::string(hint)});
  return false;
}

// Zero is no time to wait for anything.
void read_period(Reader& reader, const Entry& entry, Milliseconds& out) {
  Milliseconds wanted = out;
  reader.duration(entry, wanted);
  if (wanted.count() > 0) {
    out = wanted;
    return;
  }
  reader.error(entry.node.source(),
               fmt::format("{} must be longer than 0s", in_quotes(entry.name())));
}

void read_cookie(Reader& reader, const Entry& entry, Sticky& sticky) {
  std::string name;
  if (!reader.string(entry, name)) return;
  if (name.empty() || is_name(reader, entry, name, "cookie", "letters, digits, \"-\" and \"_\""))
    sticky.cookie = std::move(name);
}

constexpr std::array kStickyFields = {
    Field<Sticky>{"cookie", read_cookie},
    Field<Sticky>{"ttl", [](Reader& reader, const Entry& entry,
                            Sticky& sticky) { reader.duration(entry, sticky.ttl); }},
};

// Of a request, with or without a query.
void read_health_path(Reader& reader, const Entry& entry, Health& health) {
  std::string path;
  if (!reader.string(entry, path)) return;
  if (!path.empty() && !path.starts_with('/')) {
    return reader.error(entry.node.source(),
                        fmt::format("path {} does not start with \"/\"", in_quotes(path)));
  }
  if (!is_ascii(path) || has_control(path) || path.find_first_of(" #\"<>\\") != std::string::npos) {
    return reader.error(
        entry.node.source(),
        fmt::format("path {} has a character that no request path has", in_quotes(path)),
        "write it with %XX");
  }
  health.path = std::move(path);
}

void read_health_port(Reader& reader, const Entry& entry, Health& health) {
  uint64_t port = 0;
  if (reader.integer(entry, port, 1, UINT16_MAX)) health.port = static_cast<uint16_t>(port);
}

void read_health_host(Reader& reader, const Entry& entry, Health& health) {
  std::string host;
  if (!reader.string(entry, host)) return;
  std::expected<HostPort, Complaint> valid = parse_host_port(host);
  if (!valid) return reader.error(entry.node.source(), valid.error());
  health.host = lower(host);
}

// "200" or "200-399"; 1xx is never the final answer.
std::optional<Health::Statuses> parse_statuses(std::string_view text) {
  const std::size_t dash = text.find('-');
  const std::string_view last_text = dash == std::string_view::npos ? text : text.substr(dash + 1);
  const std::optional<unsigned> first = parse_number<unsigned>(text.substr(0, dash));
  const std::optional<unsigned> last = parse_number<unsigned>(last_text);
  if (!first || !last || *first < 200 || *last > 599 || *first > *last) return std::nullopt;
  return Health::Statuses{static_cast<int>(*first), static_cast<int>(*last)};
}

void read_health_status(Reader& reader, const Entry& entry, Health& health) {
  std::string written;
  if (const auto* number = entry.node.as_integer()) {
    written = std::to_string(number->get());
  } else if (!entry.node.is_string()) {
    return reader.wrong_type(entry, "a status such as 200, or \"200-399\"");
  } else if (!reader.string(entry, written)) {
    return;
  }
  const std::optional<Health::Statuses> statuses = parse_statuses(written);
  if (!statuses) {
    return reader.error(
        entry.node.source(),
        fmt::format("{} is no status from 200 to 599, and no range of them", in_quotes(written)),
        "write 200 or \"200-399\"");
  }
  health.status = *statuses;
}

void read_times(Reader& reader, const Entry& entry, unsigned& out) {
  uint64_t times = out;
  reader.integer(entry, times, 1, kHealthTimesMax);
  out = static_cast<unsigned>(times);
}

constexpr std::array kHealthFields = {
    Field<Health>{"path", read_health_path},
    Field<Health>{"port", read_health_port},
    Field<Health>{"host", read_health_host},
    Field<Health>{"status", read_health_status},
    Field<Health>{"every", [](Reader& reader, const Entry& entry,
                              Health& health) { read_period(reader, entry, health.every); }},
    Field<Health>{"timeout", [](Reader& reader, const Entry& entry,
                                Health& health) { read_period(reader, entry, health.timeout); }},
    Field<Health>{"rise", [](Reader& reader, const Entry& entry,
                             Health& health) { read_times(reader, entry, health.rise); }},
    Field<Health>{"fall", [](Reader& reader, const Entry& entry,
                             Health& health) { read_times(reader, entry, health.fall); }},
};

void read_outlier_errors(Reader& reader, const Entry& entry, Outlier& outlier) {
  uint64_t errors = outlier.errors;
  reader.integer(entry, errors, 0, kOutlierErrorsMax);
  outlier.errors = static_cast<unsigned>(errors);
}

constexpr std::array kOutlierFields = {
    Field<Outlier>{"errors", read_outlier_errors},
    Field<Outlier>{"window", [](Reader& reader, const Entry& entry,
                                Outlier& outlier) { read_period(reader, entry, outlier.window); }},
    Field<Outlier>{"eject", [](Reader& reader, const Entry& entry,
                               Outlier& outlier) { read_period(reader, entry, outlier.eject); }},
};

}  // namespace

std::optional<FieldOrCookie> parse_field_or_cookie(Reader& reader, const Entry& entry,
                                                   std::string_view word, std::string_view before) {
  if (!word.starts_with(before)) return std::nullopt;
  const std::string_view form = word.substr(before.size());
  const bool is_cookie = form.starts_with("cookie:");
  if (!is_cookie && !form.starts_with("header:")) return std::nullopt;
  const std::string_view name = form.substr(form.find(':') + 1);
  const std::string hint = fmt::format("write for example \"{}{}\"", before,
                                       is_cookie ? "cookie:session" : "header:X-User");
  FieldOrCookie key{is_cookie, {}};
  if (is_name(reader, entry, name, is_cookie ? "cookie" : "header", hint))
    key.name = is_cookie ? std::string(name) : lower(name);
  return key;
}

void parse_balance(Reader& reader, const Entry& entry, Policy& policy) {
  using Kind = Balance::Kind;
  static constexpr std::array kChoices = {
      std::pair{std::string_view("p2c"), Kind::PowerOfTwo},
      std::pair{std::string_view("round-robin"), Kind::RoundRobin},
      std::pair{std::string_view("least-conn"), Kind::LeastConn},
      std::pair{std::string_view("hash:client-ip"), Kind::HashClientIp},
      std::pair{std::string_view("hash:header:NAME"), Kind::HashHeader},
      std::pair{std::string_view("hash:cookie:NAME"), Kind::HashCookie},
      std::pair{std::string_view("first"), Kind::First}};
  std::string word;
  if (!reader.string(entry, word)) return;
  if (const auto key = parse_field_or_cookie(reader, entry, word, kHash)) {
    if (!key->name.empty())
      policy.balance = {key->is_cookie ? Kind::HashCookie : Kind::HashHeader, key->name};
    return;
  }
  Balance balance{policy.balance.kind, {}};
  reader.choice<Kind>(entry, kChoices, {}, balance.kind);
  policy.balance = std::move(balance);
}

void parse_sticky(Reader& reader, const Entry& entry, Policy& policy) {
  read_table<Sticky>(reader, entry, kStickyFields, policy.sticky);
}

void parse_health(Reader& reader, const Entry& entry, Policy& policy) {
  Health& health = policy.health;
  read_table<Health>(reader, entry, kHealthFields, health);
  if (health.timeout <= health.every) return;
  reader.warning(entry.key.source(),
                 {fmt::format("a probe of \"health\" may take {}, longer than the {} between two",
                              format_duration(health.timeout), format_duration(health.every)),
                  "set \"timeout\" to at most \"every\""});
}

// The table alone switches it on.
void parse_outlier(Reader& reader, const Entry& entry, Policy& policy) {
  const toml::table* table = entry.node.as_table();
  const bool names_errors = table != nullptr && table->contains("errors");
  if (!names_errors && policy.outlier.errors == 0) policy.outlier.errors = kOutlierErrors;
  read_table<Outlier>(reader, entry, kOutlierFields, policy.outlier);
}

}  // namespace config
