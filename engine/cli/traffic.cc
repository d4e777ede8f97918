// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/traffic.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

namespace engine::cli {
namespace {

std::vector<std::int64_t> counts_in(const Json& traffic) {
  std::vector<std::int64_t> counts;
  for (const Json& count : list_in(traffic, "durations"))
    counts.push_back(count.is_number_integer() ? count.get<std::int64_t>() : 0);
  return counts;
}

std::vector<double> bounds_in(const Json& reading) {
  std::vector<double> bounds;
  for (const Json& bound : list_in(reading, "duration_bounds"))
    bounds.push_back(bound.is_number() ? bound.get<double>() : 0);
  return bounds;
}

// Another process may have taken over in between, and counts from 0.
std::int64_t grown(const Json& before, const Json& after, const char* name) {
  return std::max<std::int64_t>(number_in(after, name) - number_in(before, name), 0);
}

std::vector<std::int64_t> grown_counts(const Json& before, const Json& after) {
  std::vector<std::int64_t> counts = counts_in(after);
  const std::vector<std::int64_t> old = counts_in(before);
  for (std::size_t i = 0; i < std::min(counts.size(), old.size()); ++i)
    counts[i] = std::max<std::int64_t>(counts[i] - old[i], 0);
  return counts;
}

SiteTraffic traffic_of(const std::string& site, const Json& before, const Json& after,
                       const std::vector<double>& bounds, double seconds) {
  const std::int64_t requests = grown(before, after, "requests");
  const std::int64_t bytes = grown(before, after, "bytes_in") + grown(before, after, "bytes_out");
  SiteTraffic traffic{.site = site};
  if (seconds > 0) {
    traffic.requests_per_second = static_cast<double>(requests) / seconds;
    traffic.bytes_per_second = static_cast<double>(bytes) / seconds;
  }
  if (requests > 0)
    traffic.errors_percent = 100.0 * static_cast<double>(grown(before, after, "responses_5xx")) /
                             static_cast<double>(requests);
  const std::vector<std::int64_t> counts = grown_counts(before, after);
  traffic.p50 = quantile(bounds, counts, 0.5);
  traffic.p95 = quantile(bounds, counts, 0.95);
  traffic.in_flight = number_in(after, "in_flight");
  traffic.streams_open = number_in(after, "streams_open");
  return traffic;
}

}  // namespace

std::vector<SiteTraffic> traffic_between(const Json& before, const Json& after) {
  const double seconds = seconds_in(after, "at_seconds") - seconds_in(before, "at_seconds");
  const std::vector<double> bounds = bounds_in(after);
  std::map<std::string, const Json*> known;
  for (const Json& route : list_in(before, "routes"))
    known.emplace(text_in(route, "site"), &field(route, "traffic"));
  std::vector<SiteTraffic> all;
  for (const Json& route : list_in(after, "routes")) {
    const std::string site = text_in(route, "site");
    const auto old = known.find(site);
    all.push_back(traffic_of(site, old == known.end() ? field(Json(), "") : *old->second,
                             field(route, "traffic"), bounds, seconds));
  }
  std::ranges::sort(all, [](const SiteTraffic& a, const SiteTraffic& b) {
    return std::tie(b.requests_per_second, b.in_flight, a.site) <
           std::tie(a.requests_per_second, a.in_flight, b.site);
  });
  return all;
}

std::optional<double> quantile(const std::vector<double>& bounds,
                               const std::vector<std::int64_t>& counts, double q) {
  const auto total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  if (total == 0) return std::nullopt;
  const double rank = q * static_cast<double>(total);
  double below = 0;
  for (std::size_t i = 0; i < std::min(bounds.size(), counts.size()); ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here > 0 && below + here >= rank) {
      const double low = i == 0 ? 0 : bounds[i - 1];
      return low + (bounds[i] - low) * (rank - below) / here;
    }
    below += here;
  }
  return bounds.empty() ? std::nullopt : std::optional(bounds.back());
}

}  // namespace engine::cli
