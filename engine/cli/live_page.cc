// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/live_page.h"

#include <fmt/format.h>

#include <array>
#include <map>

#include "engine/cli/service_page.h"
#include "engine/cli/terminal.h"
#include "engine/cli/when.h"

namespace engine::cli {
namespace {

std::string rate_text(double per_second) { return fmt::format("{:.1f}", per_second); }

std::string bytes_text(double bytes) {
  constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, kUnits[unit]);
}

std::string quantile_text(const std::optional<double>& seconds) {
  return seconds ? latency_text(*seconds) : std::string();
}

Json quantile_json(const std::optional<double>& seconds) {
  return seconds ? Json(*seconds) : Json();
}

std::string protocol_text(const Json& connection) {
  std::string text = text_in(connection, "protocol");
  const Json& tls = field(connection, "tls");
  if (tls.is_object()) text += fmt::format(" tls {}", text_in(tls, "version"));
  return text;
}

std::string span_in(const Json& connection, const char* name) {
  return span_text(static_cast<std::int64_t>(seconds_in(connection, name)));
}

}  // namespace

Table connections_table(const Json& answer) {
  Table table({"ID", "CLIENT", "LISTENER", "PROTOCOL", "STATE", "AGE", "IDLE", "REQUESTS", "SITE",
               "TARGET", "IN", "OUT"});
  for (const Json& one : list_in(answer, "connections")) {
    table.add({text_in(one, "id"), text_in(one, "client"), text_in(one, "listener"),
               protocol_text(one), text_in(one, "state"), span_in(one, "age_seconds"),
               span_in(one, "idle_seconds"), std::to_string(number_in(one, "requests")),
               text_in(one, "site"), text_in(one, "target"),
               bytes_text(static_cast<double>(number_in(one, "bytes_in"))),
               bytes_text(static_cast<double>(number_in(one, "bytes_out")))});
  }
  return table;
}

std::string connections_remark(const Json& answer) {
  if (is_true(answer, "truncated")) return "there are more; --site and --state show fewer";
  const std::int64_t silent = number_in(answer, "silent_workers");
  if (silent == 0) return {};
  return fmt::format("{} worker{} did not answer", silent, silent == 1 ? "" : "s");
}

std::string request_line(const Json& request) {
  const std::string ts = text_in(request, "ts");
  const std::string query = text_in(request, "query");
  std::string line =
      fmt::format("{} {} {}{}{}{} {} {} {}", ts.size() >= 23 ? ts.substr(11, 12) : ts,
                  text_in(request, "method").empty() ? "-" : text_in(request, "method"),
                  text_in(request, "host"), text_in(request, "path"), query.empty() ? "" : "?",
                  query, number_in(request, "status"), latency_text(seconds_in(request, "t_total")),
                  text_in(request, "target").empty() ? "-" : text_in(request, "target"));
  const std::string details = text_in(request, "details");
  if (const std::string error = text_in(request, "error"); !error.empty())
    line += " " + error + (details.empty() ? "" : ": " + details);
  return printable(line);
}

Table traffic_table(std::span<const SiteTraffic> sites) {
  Table table({"SITE", "REQ/S", "5XX", "IN FLIGHT", "P50", "P95", "BYTES/S", "STREAMS"});
  for (const SiteTraffic& one : sites) {
    table.add({one.site, rate_text(one.requests_per_second),
               fmt::format("{:.1f} %", one.errors_percent), std::to_string(one.in_flight),
               quantile_text(one.p50), quantile_text(one.p95), bytes_text(one.bytes_per_second),
               std::to_string(one.streams_open)});
  }
  return table;
}

Json traffic_json(std::span<const SiteTraffic> sites) {
  Json list = Json::array();
  for (const SiteTraffic& one : sites) {
    list.push_back({{"site", one.site},
                    {"requests_per_second", one.requests_per_second},
                    {"errors_percent", one.errors_percent},
                    {"in_flight", one.in_flight},
                    {"p50_seconds", quantile_json(one.p50)},
                    {"p95_seconds", quantile_json(one.p95)},
                    {"bytes_per_second", one.bytes_per_second},
                    {"streams_open", one.streams_open}});
  }
  return {{"sites", std::move(list)}};
}

Table watched_routes_table(const Json& before, const Json& after) {
  std::map<std::string, SiteTraffic> traffic;
  if (before.is_object()) {
    for (SiteTraffic& one : traffic_between(before, after)) traffic.emplace(one.site, one);
  }
  Table::Row header = routes_header();
  header.insert(header.end(), {"REQ/S", "P95"});
  Table table(std::move(header));
  for (const Json& route : list_in(after, "routes")) {
    Table::Row row = route_row(route);
    const auto found = traffic.find(text_in(route, "site"));
    const bool known = found != traffic.end();
    row.push_back(known ? rate_text(found->second.requests_per_second) : "");
    row.push_back(known ? quantile_text(found->second.p95) : "");
    table.add(std::move(row));
  }
  return table;
}

std::string latency_text(double seconds) {
  if (seconds >= 1) return fmt::format("{:.1f}s", seconds);
  const double ms = seconds * 1000;
  return ms >= 10 ? fmt::format("{:.0f}ms", ms) : fmt::format("{:.2g}ms", ms);
}

}  // namespace engine::cli
