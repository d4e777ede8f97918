// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the configuration again and brings it into force, or keeps the old one and says why.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
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

class Reload {
 public:
  // `started` is the result that `state` was started with.
  Reload(ConfigSource source, const config::Result& started, State& state);

  // False when the old configuration was kept. `reason` is for the log: "SIGHUP", "file changed".
  bool run(std::string_view reason);

  // Whether the files say something else than what was read at `loaded_at` (nanoseconds since
  // 1970): they may have changed before they were watched.
  [[nodiscard]] bool is_stale(base::Time loaded_at) const;

  // After the last run(), also a failed one.
  [[nodiscard]] const WatchedPaths& watched() const { return watched_; }

 private:
  void keep(std::string_view reason, const std::string& cause) const;

  ConfigSource source_;
  config::Config started_;  // its settings only: the sites are not kept
  State& state_;
  WatchedPaths watched_;
};

}  // namespace engine::control
