// SPDX-License-Identifier: GPL-3.0-or-later
// What is too much for a site: requests at a time and in a time, and bodies.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "config/parse.h"
#include "config/text.h"
#include "config/units.h"

namespace config {
namespace {

void read_rate(Reader& reader, const Entry& entry, Limit& limit) {
  if (!entry.node.is_string()) return reader.wrong_type(entry, "a rate such as \"100/s\"");
  std::string written;
  if (!reader.string(entry, written)) return;
  if (written.empty()) {
    limit.rate = {};
    return;
  }
  const std::optional<Rate> rate = parse_rate(written);
  if (!rate) return reader.error(entry.node.source(), not_a_rate(written));
  if (rate->count < 1 || rate->count > kRateMax) {
    return reader.error(
        entry.node.source(),
        fmt::format("{} must have a number from 1 to {}", in_quotes(entry.name()), kRateMax),
        "\"\" = no limit");
  }
  limit.rate = *rate;
}

void read_by(Reader& reader, const Entry& entry, Limit& limit) {
  using Kind = LimitBy::Kind;
  static constexpr std::array kChoices = {std::pair{std::string_view("client-ip"), Kind::ClientIp},
                                          std::pair{std::string_view("header:NAME"), Kind::Header},
                                          std::pair{std::string_view("cookie:NAME"), Kind::Cookie},
                                          std::pair{std::string_view("all"), Kind::All}};
  std::string word;
  if (!reader.string(entry, word)) return;
  if (const auto key = parse_field_or_cookie(reader, entry, word, {})) {
    if (!key->name.empty()) limit.by = {key->is_cookie ? Kind::Cookie : Kind::Header, key->name};
    return;
  }
  LimitBy by{limit.by.kind, {}};
  reader.choice<Kind>(entry, kChoices, {}, by.kind);
  limit.by = std::move(by);
}

constexpr std::array kFieldsOfLimit = {
    Field<Limit>{"inflight",
                 [](Reader& reader, const Entry& entry, Limit& limit) {
                   reader.integer(entry, limit.inflight, 0, 10'000'000);
                 }},
    Field<Limit>{"body", [](Reader& reader, const Entry& entry,
                            Limit& limit) { reader.size(entry, limit.body_bytes, 0, INT64_MAX); }},
    Field<Limit>{"response",
                 [](Reader& reader, const Entry& entry, Limit& limit) {
                   reader.size(entry, limit.response_bytes, 0, INT64_MAX);
                 }},
    Field<Limit>{"rate", read_rate},
    Field<Limit>{"burst", [](Reader& reader, const Entry& entry,
                             Limit& limit) { reader.integer(entry, limit.burst, 1, kBurstMax); }},
    Field<Limit>{"by", read_by},
};

// What is about a rate that there is not.
void require_rate(Reader& reader, const toml::table& table, const Limit& limit) {
  if (limit.rate.count > 0 || table.contains("rate")) return;
  for (std::string_view name : {"burst", "by"}) {
    auto written = table.find(name);
    if (written == table.end()) continue;
    reader.error(written->first.source(),
                 fmt::format("{} of \"limit\" needs a \"rate\"", in_quotes(name)),
                 "write for example rate = \"100/s\", or leave it out");
  }
}

// Of a burst: a typing mistake is likelier than the wish to wait so long.
void check_burst(Reader& reader, const toml::table& table, const Limit& limit) {
  auto written = table.find("burst");
  if (written == table.end()) written = table.find("rate");
  if (written == table.end() || limit.rate.count == 0) return;
  const auto per = static_cast<uint64_t>(limit.rate.per.count());
  const uint64_t most = static_cast<uint64_t>(kBurstPeriodMax.count()) / per * limit.rate.count;
  if (limit.at_once() <= most) return;
  reader.error(written->first.source(),
               fmt::format("a \"burst\" of {} takes longer than a year to come back at \"{}\"",
                           limit.at_once(), format_rate(limit.rate)),
               fmt::format("write at most {}", most));
}

}  // namespace

void parse_limit(Reader& reader, const Entry& entry, Policy& policy) {
  read_table<Limit>(reader, entry, kFieldsOfLimit, policy.limit);
  const toml::table* table = entry.node.as_table();
  if (table == nullptr) return;
  require_rate(reader, *table, policy.limit);
  check_burst(reader, *table, policy.limit);
}

}  // namespace config
