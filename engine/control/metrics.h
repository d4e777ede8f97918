// SPDX-License-Identifier: GPL-3.0-or-later
// What runs, as numbers for Prometheus. Rendering only: the figures are handed in, and whoever
// publishes the snapshot must render in the same thread. docs/metrics.md explains every metric.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/control/process_figures.h"
#include "engine/io/ring.h"
#include "engine/route/counters.h"
#include "engine/route/snapshot.h"

namespace engine::control {

// Of one worker, which goes on counting. Never null.
struct WorkerFigures {
  const route::Counters* counters = nullptr;
  const route::SiteCounters* unrouted = nullptr;
  const io::RingStats* ring = nullptr;
};

struct BuildFigures {
  std::string version, commit, tls, io;
};

struct ReloadFigures {
  std::uint64_t succeeded = 0, failed = 0;
  bool last_succeeded = true;  // also of the start
  double last_seconds = 0;     // when that was, since 1970
  std::uint64_t generations_alive = 1;
};

// All deploys of one service that ended the same way.
struct DeployFigures {
  std::string service, result;
  std::uint64_t count = 0;
  double seconds = 0;  // that they took together
};

struct CertificateFigures {
  std::string host;
  double not_after_seconds = 0;  // since 1970
};

struct MetricsInput {
  const route::Snapshot* snapshot = nullptr;  // never null
  base::Time now = 0;                         // of the loop's clock
  std::vector<WorkerFigures> workers;
  BuildFigures build;
  ReloadFigures reloads;
  std::vector<DeployFigures> deploys;
  std::vector<CertificateFigures> certificates;
  ProcessFigures process;
};

// Sites beyond these are one: "other".
inline constexpr std::size_t kMetricSitesMax = 500;

// Text of version 0.0.4, content type `text/plain; version=0.0.4; charset=utf-8`.
[[nodiscard]] std::string render_metrics(const MetricsInput& input);

}  // namespace engine::control
