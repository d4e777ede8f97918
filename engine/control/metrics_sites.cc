// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/metrics_sites.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/error.h"

namespace engine::control {
namespace {

using Type = MetricsText::Type;

// Of all workers. Labels are sites of the configuration, never what a client asked for; empty for
// requests that no site took.
struct Site {
  explicit Site(std::string_view the_label) : label(the_label) {}

  std::string label;
  route::SiteCounters counters;
};

// Sites that nobody ever used are left out. A deque: counters do not move.
std::deque<Site> sum_up(const MetricsInput& input) {
  constexpr std::string_view kRest = "other";
  std::deque<Site> sites;
  Site& unrouted = sites.emplace_back("");
  for (const WorkerFigures& worker : input.workers) unrouted.counters.add(*worker.unrouted);
  Site* rest = nullptr;
  for (const auto& service : input.snapshot->services) {
    if (sites.size() <= kMetricSitesMax) {
      Site& site = sites.emplace_back(service->site);
      if (!service->metrics->add_to(site.counters)) sites.pop_back();
      continue;
    }
    if (rest == nullptr) {
      // A site may have this very name.
      const auto same = std::ranges::find(sites, kRest, &Site::label);
      rest = same == sites.end() ? &sites.emplace_back(kRest) : &*same;
    }
    service->metrics->add_to(rest->counters);
  }
  return sites;
}

void render_requests(const Site& site, MetricsText& out) {
  constexpr std::array<std::string_view, route::SiteCounters::kStatusClasses> kClasses = {
      "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (std::size_t method = 0; method < route::kMethodNames.size(); ++method) {
    for (std::size_t protocol = 0; protocol < route::kProtocolNames.size(); ++protocol) {
      for (std::size_t status = 0; status < kClasses.size(); ++status) {
        const std::uint64_t count = site.counters.requests[method][protocol][status];
        if (count == 0) continue;
        out.sample({{"site", site.label},
                    {"method", route::kMethodNames[method]},
                    {"status_class", kClasses[status]},
                    {"proto", route::kProtocolNames[protocol]}},
                   count);
      }
    }
  }
}

void render_statuses(const Site& site, MetricsText& out) {
  for (const auto& entry : site.counters.statuses.entries()) {
    if (entry.count == 0) continue;
    const std::uint16_t status = entry.status;
    const std::string text =
        status == route::StatusCounts::kRest ? "other" : std::to_string(status);
    out.sample({{"site", site.label}, {"status", text}}, entry.count.get());
  }
}

// Several causes may share a name of RFC 9209.
template <typename Counts>
std::map<std::string_view, std::uint64_t> by_error(const Counts& counts) {
  std::map<std::string_view, std::uint64_t> by_name;
  for (std::size_t i = 1; i < base::kCauseCount; ++i) {
    if (counts[i] > 0) by_name[base::describe(static_cast<base::Cause>(i)).name] += counts[i];
  }
  return by_name;
}

void render_errors(const Site& site, MetricsText& out) {
  for (const auto& [name, count] : by_error(site.counters.errors))
    out.sample({{"site", site.label}, {"error", name}}, count);
}

void render_rate_limited(const Site& site, MetricsText& out) {
  constexpr auto kCause = static_cast<std::size_t>(base::Cause::RateLimited);
  out.sample({{"site", site.label}}, site.counters.errors[kCause].get());
}

void render_open(const Site& site, MetricsText& out) {
  for (std::size_t kind = 0; kind < route::kOpenStreamNames.size(); ++kind) {
    out.sample({{"site", site.label}, {"kind", route::kOpenStreamNames[kind]}},
               site.counters.streams_open[kind].get());
  }
}

struct TargetFigures {
  std::array<std::uint64_t, base::kCauseCount> results{};
  std::uint64_t retried = 0;
  std::uint64_t connections = 0, idle = 0;
  bool up = true;
};

// By the name of the service, as all of its sites share what is known of a target, and by the
// target's key. Two targets of one key differ in how TLS is spoken to them.
using Targets = std::map<std::pair<std::string, std::string>, TargetFigures>;

Targets targets_of(const route::Snapshot& snapshot, base::Time now) {
  Targets targets;
  std::set<const route::TargetHealth*> seen;
  for (const auto& service : snapshot.services) {
    for (const route::WeightedTarget& each : service->targets) {
      const route::TargetHealth& health = *each.health;
      if (!seen.insert(&health).second) continue;
      TargetFigures& figures = targets[{service->name, each.target->key()}];
      const route::TargetHealth::Totals totals = health.totals();
      for (std::size_t i = 0; i < base::kCauseCount; ++i) figures.results[i] += totals.results[i];
      figures.retried += totals.retried;
      figures.up = figures.up && health.up() && !health.ejected(now);
      route::TargetConnections& connections = *snapshot.connections[each.target_index];
      figures.connections += connections.places().taken();
      for (std::size_t worker = 0; worker < connections.worker_count(); ++worker)
        figures.idle += connections.spare(worker);
    }
  }
  return targets;
}

}  // namespace

void render_sites(const MetricsInput& input, MetricsText& out) {
  const std::deque<Site> sites = sum_up(input);
  const auto family = [&](std::string_view name, Type type, std::string_view help, auto render) {
    out.family(name, type, help);
    for (const Site& site : sites) render(site, out);
  };
  const auto number = [&](std::string_view name, Type type, std::string_view help,
                          base::Counter route::SiteCounters::* figure) {
    out.family(name, type, help);
    for (const Site& site : sites)
      out.sample({{"site", site.label}}, (site.counters.*figure).get());
  };
  const auto histogram = [&](std::string_view name, std::string_view help,
                             route::Histogram route::SiteCounters::* figure) {
    out.family(name, Type::Histogram, help);
    for (const Site& site : sites) out.histogram({{"site", site.label}}, site.counters.*figure);
  };
  family("engine_http_requests_total", Type::Counter, "Requests that have ended.", render_requests);
  family("engine_http_responses_total", Type::Counter, "The same by exact status.",
         render_statuses);
  histogram("engine_http_request_duration_seconds",
            "From a request's head to the last byte of its response, without WebSockets and other "
            "tunnels.",
            &route::SiteCounters::duration);
  histogram("engine_http_time_to_first_byte_seconds",
            "From a request's head until the target's response had begun.",
            &route::SiteCounters::first_byte);
  number("engine_http_requests_in_flight", Type::Gauge,
         "Requests, and whatever they became, that have not ended.",
         &route::SiteCounters::in_flight);
  number("engine_queue_depth", Type::Gauge,
         "Requests that wait for a connection to their target, at engine.upstream.max_connections.",
         &route::SiteCounters::queued);
  number("engine_http_request_bytes_total", Type::Counter, "Content of requests that have ended.",
         &route::SiteCounters::request_bytes);
  number("engine_http_response_bytes_total", Type::Counter, "Content of their responses.",
         &route::SiteCounters::response_bytes);
  family("engine_http_errors_total", Type::Counter,
         "Requests that an error ended, by its name in RFC 9209.", render_errors);
  family("engine_streams_open", Type::Gauge, "Streams that may last until one side ends them.",
         render_open);
  histogram("engine_upstream_connect_seconds",
            "Until a new connection to a target was ready, including TLS.",
            &route::SiteCounters::upstream_connect);
  histogram(
      "engine_upstream_duration_seconds",
      "From a request's head being sent to its target until the last byte of the response had "
      "come from there, without WebSockets and other tunnels.",
      &route::SiteCounters::upstream_duration);
  number("engine_retries_total", Type::Counter, "Requests that were tried once more.",
         &route::SiteCounters::retries);
  family("engine_ratelimit_rejected_total", Type::Counter,
         "Requests past limit.rate of their site.", render_rate_limited);
}

void render_targets(const MetricsInput& input, MetricsText& out) {
  const Targets targets = targets_of(*input.snapshot, input.now);
  out.family("engine_upstream_requests_total", Type::Counter,
             "Requests that a target was chosen for, by how that ended.");
  for (const auto& [target, figures] : targets) {
    const auto& [site, key] = target;
    const auto sample = [&](std::string_view result, std::uint64_t count) {
      out.sample({{"site", site}, {"target", key}, {"result", result}}, count);
    };
    sample("ok", figures.results[static_cast<std::size_t>(base::Cause::None)]);
    sample("retry", figures.retried);
    for (const auto& [name, count] : by_error(figures.results)) sample(name, count);
  }
  out.family("engine_upstream_up", Type::Gauge,
             "1 when requests may go to a target; 0 when its probes fail or it is left alone for "
             "its errors.");
  for (const auto& [target, figures] : targets) {
    out.sample({{"site", target.first}, {"target", target.second}},
               std::uint64_t{figures.up ? 1U : 0U});
  }
  out.family("engine_upstream_connections", Type::Gauge,
             "Connections to a target that are open, over all workers.");
  for (const auto& [target, figures] : targets) {
    const std::uint64_t idle = std::min(figures.idle, figures.connections);
    const auto sample = [&](std::string_view state, std::uint64_t count) {
      out.sample({{"site", target.first}, {"target", target.second}, {"state", state}}, count);
    };
    sample("active", figures.connections - idle);
    sample("idle", idle);
  }
}

}  // namespace engine::control
