// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/reload.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>
#include <utility>

#include "config/diff.h"
#include "engine/base/log.h"

namespace engine::control {
namespace {

namespace log = base::log;

void log_one(const config::Diagnostic& diagnostic) {
  const bool is_error = diagnostic.severity == config::Severity::Error;
  const std::string where =
      diagnostic.where.line == 0
          ? diagnostic.where.file
          : diagnostic.where.text() + ":" + std::to_string(diagnostic.where.column);
  log::write(is_error ? log::Level::Error : log::Level::Warn, "configuration",
             {{"where", where}, {"problem", diagnostic.message}, {"hint", diagnostic.hint}});
}

std::string directory_of_pattern(const std::string& pattern) {
  const std::size_t wild = pattern.find_first_of("*?[");
  const std::size_t slash = pattern.rfind('/', wild);
  return slash == std::string::npos ? "." : pattern.substr(0, slash + 1);
}

void set_log_level(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::Error: return log::set_level(log::Level::Error);
    case config::LogLevel::Warn: return log::set_level(log::Level::Warn);
    case config::LogLevel::Info: return log::set_level(log::Level::Info);
    case config::LogLevel::Debug: return log::set_level(log::Level::Debug);
  }
}

config::Config settings_of(const config::Config& config) {
  config::Config settings;
  settings.listen = config.listen;
  settings.engine = config.engine;
  settings.log = config.log;
  return settings;
}

}  // namespace

config::Result ConfigSource::load() const {
  config::Result result = config::load(path, config::Environment::process());
  config::apply(result.config, overrides);
  return result;
}

WatchedPaths watched_paths(const std::string& main_path, const config::Result& result) {
  std::set<std::string> files = {main_path};
  std::set<std::string> directories;
  for (const auto& file : result.files) files.insert(file.string());
  for (const std::string& pattern : result.include_patterns) {
    if (pattern.find_first_of("*?[") == std::string::npos)
      files.insert(pattern);
    else
      directories.insert(directory_of_pattern(pattern));
  }
  for (const config::Tls::Files& pair : result.config.tls.files)
    files.insert({pair.cert, pair.key});
  for (const config::Site& site : result.config.sites) {
    for (const std::string& path : {site.tls.client_ca, site.upstream_tls.ca,
                                    site.upstream_tls.cert, site.upstream_tls.key}) {
      if (!path.empty()) files.insert(path);
    }
    if (!site.policy.errors_directory.empty()) directories.insert(site.policy.errors_directory);
  }
  return {{files.begin(), files.end()}, {directories.begin(), directories.end()}};
}

std::vector<std::string> needs_restart(const config::Config& started, const config::Config& now) {
  std::vector<std::string> keys;
  if (started.engine.workers != now.engine.workers) keys.emplace_back("engine.workers");
  if (started.engine.io != now.engine.io) keys.emplace_back("engine.io");
  if (started.engine.pin != now.engine.pin) keys.emplace_back("engine.pin");
  if (started.log.access != now.log.access) keys.emplace_back("log.access");
  return keys;
}

// On a terminal as people read it, with the source lines; in JSON one event for each.
void log_diagnostics(const std::vector<config::Diagnostic>& diagnostics) {
  if (log::format() == log::Format::Json) {
    for (const config::Diagnostic& diagnostic : diagnostics) log_one(diagnostic);
    return;
  }
  const bool any_error = config::count(diagnostics, config::Severity::Error) > 0;
  std::istringstream lines(config::render(diagnostics, config::Color::Never));
  for (std::string line; std::getline(lines, line);) {
    log::write(any_error ? log::Level::Error : log::Level::Warn, line);
  }
}

Reload::Reload(ConfigSource source, const config::Result& started, State& state)
    : source_(std::move(source)),
      started_(settings_of(started.config)),
      state_(state),
      watched_(watched_paths(source_.path, started)) {
  set_log_level(started.config.log.level);
}

bool Reload::run(std::string_view reason) {
  if (source_.path == "-") {
    keep(reason, "the configuration came from standard input: it cannot be read again");
    return false;
  }
  config::Result result = source_.load();
  WatchedPaths watched = watched_paths(source_.path, result);
  if (!result.ok()) {
    // A broken main file names no includes: those of before are still of interest.
    watched.files.insert(watched.files.end(), watched_.files.begin(), watched_.files.end());
    watched.directories.insert(watched.directories.end(), watched_.directories.begin(),
                               watched_.directories.end());
    watched_ = std::move(watched);
    log_diagnostics(result.diagnostics);
    keep(reason, "the configuration is invalid");
    return false;
  }
  const config::Diff diff = config::diff(state_.config(), result.config);
  if (const auto adopted = state_.adopt(std::move(result.config), result.diagnostics); !adopted) {
    keep(reason, adopted.error().message +
                     (adopted.error().fix.empty() ? "" : "; fix: " + adopted.error().fix));
    return false;
  }
  watched_ = std::move(watched);
  log_diagnostics(result.diagnostics);
  for (const std::string& key : needs_restart(started_, state_.config())) {
    log::warn("a changed value waits for a restart", {{"key", key}});
  }
  set_log_level(state_.config().log.level);
  log::info("reloaded", {{"generation", std::to_string(state_.generation())},
                         {"added", std::to_string(diff.added.size())},
                         {"changed", std::to_string(diff.changed.size())},
                         {"removed", std::to_string(diff.removed.size())},
                         {"reason", reason}});
  return true;
}

bool Reload::is_stale(base::Time loaded_at) const {
  constexpr base::Time kClockSlack =
      100 * base::kMillisecond;  // file times come from a coarser clock
  const bool is_touched = std::ranges::any_of(watched_.files, [loaded_at](const std::string& file) {
    struct stat status{};
    if (::stat(file.c_str(), &status) != 0) return true;
    return status.st_ctim.tv_sec * base::kSecond + status.st_ctim.tv_nsec >=
           loaded_at - kClockSlack;
  });
  if (!is_touched) return false;
  const config::Result now = source_.load();
  return !now.ok() || !config::diff(state_.config(), now.config).empty();
}

void Reload::keep(std::string_view reason, const std::string& cause) const {
  log::error("reload refused", {{"cause", cause}, {"reason", reason}});
  log::error("The running configuration was kept (generation " +
             std::to_string(state_.generation()) + ").");
}

}  // namespace engine::control
