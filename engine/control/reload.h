// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the configuration again and brings it into force, or keeps the old one and says why.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/diff.h"
#include "config/load.h"
#include "config/overrides.h"
#include "engine/base/clock.h"
#include "engine/control/state.h"

namespace engine::control {

// Where the configuration comes from, at start and at every reload.
struct ConfigSource {
  std::string path;
  config::Overrides overrides;  // flags and variables: they win every time

  [[nodiscard]] config::Result load() const;
};

// Which files a change of which is a change of the configuration.
struct WatchedPaths {
  std::vector<std::string> files;
  std::vector<std::string> directories;
};
[[nodiscard]] WatchedPaths watched_paths(const std::string& main_path,
                                         const config::Result& result);

// The keys whose new values wait for a restart: "engine.workers".
[[nodiscard]] std::vector<std::string> needs_restart(const config::Config& started,
                                                     const config::Config& now);

// What a problem looks like in the engine's log.
void log_diagnostics(const std::vector<config::Diagnostic>& diagnostics);

// What became of a reload, or would become of it.
struct ReloadReport {
  bool ok = false;
  std::string cause;  // of a refusal
  std::string fix;    // may be empty
  config::Diff diff;  // of the file layer
  std::vector<std::string> needs_restart;
  std::vector<config::Diagnostic> diagnostics;
};

class Reload {
 public:
  static constexpr std::size_t kHistoryMax = 20;
  static constexpr std::size_t kHistorySitesMax = 50'000;  // of all but the newest together

  // A file layer that was in force.
  struct Past {
    std::uint64_t generation = 0;
    std::string at;      // RFC 3339
    std::string reason;  // "start", "SIGHUP", "file changed"
    config::Config config;
  };

  // `started` is the result that `state` was started with.
  Reload(ConfigSource source, const config::Result& started, State& state);

  // `reason` is for the log: "SIGHUP", "file changed". When it is refused, what was in force stays.
  ReloadReport run(std::string_view reason);
  // What run() would do; nothing is opened and nothing changes.
  [[nodiscard]] ReloadReport try_out() const;
  // Brings an earlier file layer back, until the file is read again. 0: the one before this one.
  ReloadReport roll_back(std::uint64_t generation);

  // Of the last run(); of the start before the first one.
  [[nodiscard]] const ReloadReport& last() const { return last_; }
  struct Counts {
    std::uint64_t succeeded = 0, failed = 0;
    base::Time last_at = 0;  // nanoseconds since 1970; of the start before the first reload
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  // Newest first. The first one is in force.
  [[nodiscard]] const std::deque<Past>& history() const { return history_; }
  [[nodiscard]] const ConfigSource& source() const { return source_; }

  // Whether the files say something else than what was read at `loaded_at` (nanoseconds since
  // 1970): they may have changed before they were watched.
  [[nodiscard]] bool is_stale(base::Time loaded_at) const;

  // After the last run(), also a failed one.
  [[nodiscard]] const WatchedPaths& watched() const { return watched_; }

 private:
  ReloadReport refuse(ReloadReport report, std::string_view reason, std::string cause,
                      std::string fix = {});
  // Into force, or a refusal.
  ReloadReport adopt(config::Config config, ReloadReport report, std::string_view reason);
  void remember(std::string_view reason);

  ConfigSource source_;
  config::Config started_;  // its settings only: the sites are not kept
  State& state_;
  WatchedPaths watched_;
  ReloadReport last_;
  Counts counts_;
  std::deque<Past> history_;
};

}  // namespace engine::control
