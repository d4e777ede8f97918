// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/server/control_api.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "engine/base/log.h"
#include "engine/control/admin_socket.h"
#include "engine/control/metrics.h"
#include "engine/control/process_figures.h"
#include "engine/server/version.h"
#include "engine/version.h"
#include "tls/library.h"

namespace engine::server {

using control::Json;

namespace {

control::BuildFigures build_figures(const std::string& ring) {
  return {.version = std::string(kVersion),
          .commit = std::string(kCommit),
          .tls = std::string(tls::library_version()),
          .io = ring};
}

}  // namespace

ControlApi::ControlApi(Parts parts)
    : parts_(std::move(parts)),
      operations_(parts_.operations),
      server_(parts_.operations.ring, parts_.operations.timers,
              [this](control::ApiRequest request, control::ApiWriter& writer) {
                return api_->handle(std::move(request), writer);
              }) {}

std::expected<void, control::Failure> ControlApi::open(const config::Admin& admin, pid_t from) {
  const std::string path =
      control::admin_socket_path(admin.socket, parts_.operations.state_directory);
  if (auto opened = server_.listen_unix(path, admin.group, from); !opened) {
    if (!admin.socket.empty()) return opened;
    base::log::warn("no control socket: nothing is deployed here, and nothing can be",
                    {{"cause", opened.error().message},
                     {"fix", "give this engine its own: --socket and --state-dir"}});
    return {};
  }
  socket_ = path;
  if (admin.http) {
    const auto port = server_.listen_tcp(admin.http->host, admin.http->port, admin.token, from);
    if (!port) return std::unexpected(port.error());
    base::log::info("control API", {{"address", admin.http->host + ":" + std::to_string(*port)}});
  }
  return operations_.services.restore();
}

void ControlApi::serve() {
  control::Control& control = parts_.control();
  api_ = std::make_unique<control::Api>(control::Api::Parts{
      .operations = operations_,
      .reload = parts_.reload(),
      .run_reload = [&control](const std::string& reason) { return control.reload(reason); },
      .info = [this] { return info(); },
      .status = [this] { return status(); },
      .metrics = [this] { return metrics(); },
      .draining = [&control] { return control.stopping(); }});
}

void ControlApi::close() {
  server_.close();
  operations_.scope.cancel();
}

void ControlApi::upgrade() { operations_.scope.spawn(operations_.upgrade_and_log()); }

Json ControlApi::info() const {
  Json json = status();
  json["version_text"] = version_text(false);
  json["config"] = parts_.reload().source().path;
  json["state_directory"] = parts_.operations.state_directory;
  json["socket"] = socket_;
  json["ring"] = parts_.workers().ring_capabilities();
  return json;
}

Json ControlApi::status() const {
  route::Counters totals;
  for (const control::WorkerFigures& worker : parts_.workers().figures())
    totals.add(*worker.counters);
  Json json = {{"version", version_text(false)},
               {"pid", ::getpid()},
               {"uptime_seconds", (base::monotonic_now() - started_) / base::kSecond},
               {"workers", parts_.worker_count},
               {"connections_open", totals.connections_open.get()},
               {"requests_total", totals.requests.get()},
               {"waiting", totals.parked.get()},
               {"soonest_expiry", nullptr}};
  const auto expiries = parts_.certificates.expiries();
  const auto soonest =
      std::ranges::min_element(expiries, {}, &control::CertificateFigures::not_after_seconds);
  if (soonest != expiries.end())
    json["soonest_expiry"] = {
        {"names", Json::array({soonest->host})},
        {"not_after", base::log::format_time(static_cast<base::Time>(soonest->not_after_seconds) *
                                             base::kSecond)}};
  return json;
}

std::string ControlApi::metrics() const {
  const control::Reload& reload = parts_.reload();
  return control::render_metrics(
      {.snapshot = parts_.published.current(),
       .now = base::monotonic_now(),
       .workers = parts_.workers().figures(),
       .build = build_figures(parts_.workers().ring_capabilities()),
       .reloads = {.succeeded = reload.counts().succeeded,
                   .failed = reload.counts().failed,
                   .last_succeeded = reload.last().ok,
                   .last_seconds = static_cast<double>(reload.counts().last_at) / base::kSecond,
                   .generations_alive = parts_.published.alive()},
       .deploys = operations_.deploys.figures(),
       .certificates = parts_.certificates.expiries(),
       .process = control::read_process_figures()});
}

}  // namespace engine::server
