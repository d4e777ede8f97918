// SPDX-License-Identifier: GPL-3.0-or-later
// What belongs to a site or a target is in metrics_sites.cc.
#include "engine/control/metrics.h"

#include <map>
#include <string_view>

#include "engine/control/metrics_sites.h"
#include "engine/control/metrics_text.h"

namespace engine::control {
namespace {

using Type = MetricsText::Type;

void render_build(const BuildFigures& build, MetricsText& out) {
  out.family("engine_build_info", Type::Gauge,
             "What this binary is made of and runs on; always 1.");
  out.sample(
      {{"version", build.version}, {"commit", build.commit}, {"tls", build.tls}, {"io", build.io}},
      std::uint64_t{1});
}

// Several causes may share a name of RFC 9209.
void render_refusals(const route::Counters& total, MetricsText& out) {
  std::map<std::string_view, std::uint64_t> by_name;
  for (std::size_t i = 0; i < base::kCauseCount; ++i) {
    if (total.refusals[i] > 0)
      by_name[base::describe(static_cast<base::Cause>(i)).name] += total.refusals[i];
  }
  out.family("engine_connection_errors_total", Type::Counter,
             "Connections of clients that were refused, or broke before a request was complete.");
  for (const auto& [name, count] : by_name) out.sample({{"reason", name}}, count);
}

void render_handshakes(const route::Counters& total, MetricsText& out) {
  out.family("engine_tls_handshakes_total", Type::Counter, "TLS handshakes with clients.");
  for (const std::size_t version : {0U, 1U}) {
    for (const std::size_t resumed : {0U, 1U}) {
      out.sample({{"version", version == 0 ? "1.2" : "1.3"},
                  {"resumed", resumed == 0 ? "false" : "true"},
                  {"result", "ok"}},
                 total.tls_handshakes[version][resumed].get());
    }
  }
  // Which version it would have become, nobody knows.
  out.sample({{"version", ""}, {"resumed", ""}, {"result", "error"}},
             total.refusals[static_cast<std::size_t>(base::Cause::TlsFailed)].get());
  out.family("engine_tls_handshake_seconds", Type::Histogram,
             "From accepting a client's connection until its TLS handshake was complete.");
  out.histogram({}, total.tls_handshake_time);
}

void render_connections(const std::vector<WorkerFigures>& workers, MetricsText& out) {
  route::Counters total;
  for (const WorkerFigures& worker : workers) total.add(*worker.counters);
  out.family("engine_connections_open", Type::Gauge, "Connections of clients, now.");
  out.sample({}, total.connections_open.get());
  out.family("engine_connections_total", Type::Counter, "Connections of clients, accepted.");
  out.sample({}, total.connections.get());
  render_refusals(total, out);
  render_handshakes(total, out);
  out.family("engine_proxy_overhead_seconds", Type::Histogram,
             "Time that requests spent here: from when a worker took them up, with a connection to "
             "their target, until they were sent to it.");
  out.histogram({}, total.overhead);
}

// One sample for each worker.
template <typename Figure>
void render_each(const std::vector<WorkerFigures>& workers, std::string_view name,
                 std::string_view help, Figure figure, MetricsText& out) {
  out.family(name, Type::Counter, help);
  for (std::size_t i = 0; i < workers.size(); ++i)
    out.sample({{"worker", std::to_string(i)}}, figure(workers[i]).get());
}

void render_workers(const std::vector<WorkerFigures>& workers, MetricsText& out) {
  using Worker = const WorkerFigures&;
  const auto each = [&](std::string_view name, std::string_view help, auto figure) {
    render_each(workers, name, help, figure, out);
  };
  each("engine_uring_sqe_total", "Requests to the kernel through io_uring.",
       [](Worker worker) -> auto& { return worker.ring->submissions; });
  each("engine_uring_cqe_total", "Completions that io_uring brought back.",
       [](Worker worker) -> auto& { return worker.ring->completions; });
  each("engine_uring_enters_total", "System calls of io_uring.",
       [](Worker worker) -> auto& { return worker.ring->enters; });
  each("engine_uring_cq_overflow_total",
       "Turns of the loop that found more completions than the ring has room for.",
       [](Worker worker) -> auto& { return worker.ring->cq_overflows; });
  each("engine_uring_buffers_exhausted_total", "Receives that found no free buffer and waited.",
       [](Worker worker) -> auto& { return worker.ring->buffers_exhausted; });
  each("engine_spliced_bytes_total", "Payload that passed without being copied.",
       [](Worker worker) -> auto& { return worker.counters->bytes_spliced; });
  out.family("engine_loop_lag_seconds", Type::Histogram,
             "How long one turn of a worker's loop took: what comes meanwhile waits as long.");
  for (std::size_t i = 0; i < workers.size(); ++i)
    out.histogram({{"worker", std::to_string(i)}}, workers[i].counters->tick_time);
}

void render_certificates(const std::vector<CertificateFigures>& certificates, MetricsText& out) {
  out.family("engine_tls_cert_not_after_seconds", Type::Gauge,
             "When a certificate expires, in seconds since 1970.");
  for (const CertificateFigures& each : certificates)
    out.sample({{"host", each.host}}, each.not_after_seconds);
}

void render_reloads(const MetricsInput& input, MetricsText& out) {
  const ReloadFigures& reloads = input.reloads;
  out.family("engine_config_reloads_total", Type::Counter, "Reloads of the configuration.");
  out.sample({{"result", "ok"}}, reloads.succeeded);
  out.sample({{"result", "error"}}, reloads.failed);
  out.family("engine_config_last_reload_successful", Type::Gauge,
             "1 when the configuration as it was last read is in force, else 0.");
  out.sample({}, std::uint64_t{reloads.last_succeeded ? 1U : 0U});
  out.family("engine_config_last_reload_timestamp_seconds", Type::Gauge,
             "When the configuration was last read, in seconds since 1970.");
  out.sample({}, reloads.last_seconds);
  out.family("engine_config_generation", Type::Gauge, "Number of the snapshot in force.");
  out.sample({}, input.snapshot->generation);
  out.family("engine_config_generations_alive", Type::Gauge,
             "Snapshots that a worker may still use.");
  out.sample({}, reloads.generations_alive);
}

void render_deploys(const std::vector<DeployFigures>& deploys, MetricsText& out) {
  out.family("engine_deploys_total", Type::Counter, "Deploys that have ended.");
  for (const DeployFigures& each : deploys)
    out.sample({{"service", each.service}, {"result", each.result}}, each.count);
  out.family("engine_deploy_duration_seconds", Type::Summary, "How long deploys took.");
  for (const DeployFigures& each : deploys)
    out.summary({{"service", each.service}, {"result", each.result}}, each.count, each.seconds);
}

void render_process(const ProcessFigures& process, MetricsText& out) {
  out.family("process_cpu_seconds_total", Type::Counter,
             "Total user and system CPU time spent in seconds.");
  out.sample({}, process.cpu_seconds);
  out.family("process_resident_memory_bytes", Type::Gauge, "Resident memory size in bytes.");
  out.sample({}, process.resident_bytes);
  out.family("process_virtual_memory_bytes", Type::Gauge, "Virtual memory size in bytes.");
  out.sample({}, process.virtual_bytes);
  out.family("process_open_fds", Type::Gauge, "Number of open file descriptors.");
  out.sample({}, process.open_descriptors);
  out.family("process_max_fds", Type::Gauge, "Maximum number of open file descriptors.");
  out.sample({}, process.descriptors_max);
  out.family("process_start_time_seconds", Type::Gauge,
             "Start time of the process since unix epoch in seconds.");
  out.sample({}, process.start_time_seconds);
}

}  // namespace

std::string render_metrics(const MetricsInput& input) {
  MetricsText out;
  render_build(input.build, out);
  render_sites(input, out);
  render_targets(input, out);
  render_connections(input.workers, out);
  render_workers(input.workers, out);
  render_certificates(input.certificates, out);
  render_reloads(input, out);
  render_deploys(input.deploys, out);
  render_process(input.process, out);
  return out.take();
}

}  // namespace engine::control
