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
  return config::load(path, config::Environment::process(), overrides);
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
  for (const config::Tls::Files& pair : result.config.certificate_files())
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
  last_.ok = true;
  counts_.last_at = base::wall_now();
  history_.push_front({1, log::format_time(base::wall_now()), "start", started.config});
  set_log_level(started.config.log.level);
}

ReloadReport Reload::run(std::string_view reason) {
  if (source_.path == "-") {
    return refuse({}, reason,
                  "the configuration came from standard input: it cannot be read again");
  }
  config::Result result = source_.load();
  WatchedPaths watched = watched_paths(source_.path, result);
  ReloadReport report;
  report.diagnostics = std::move(result.diagnostics);
  if (config::count(report.diagnostics, config::Severity::Error) > 0) {
    // A broken main file names no includes: those of before are still of interest.
    watched.files.insert(watched.files.end(), watched_.files.begin(), watched_.files.end());
    watched.directories.insert(watched.directories.end(), watched_.directories.begin(),
                               watched_.directories.end());
    watched_ = std::move(watched);
    log_diagnostics(report.diagnostics);
    return refuse(std::move(report), reason, "the configuration is invalid");
  }
  report = adopt(std::move(result.config), std::move(report), reason);
  if (report.ok) watched_ = std::move(watched);
  return report;
}

ReloadReport Reload::adopt(config::Config config, ReloadReport report, std::string_view reason) {
  report.diff = config::diff(state_.config(), config);
  report.needs_restart = needs_restart(started_, config);
  const bool new_level = config.log.level != state_.config().log.level;
  if (const auto adopted = state_.adopt(std::move(config), report.diagnostics); !adopted) {
    return refuse(std::move(report), reason, adopted.error().message, adopted.error().fix);
  }
  log_diagnostics(report.diagnostics);
  for (const std::string& key : report.needs_restart) {
    log::warn("a changed value waits for a restart", {{"key", key}, {"fix", "engine upgrade"}});
  }
  // Else one that was set meanwhile stays.
  if (new_level) set_log_level(state_.config().log.level);
  log::info("reloaded", {{"generation", std::to_string(state_.generation())},
                         {"added", std::to_string(report.diff.added.size())},
                         {"changed", std::to_string(report.diff.changed.size())},
                         {"removed", std::to_string(report.diff.removed.size())},
                         {"reason", reason}});
  report.ok = true;
  remember(reason);
  ++counts_.succeeded;
  counts_.last_at = base::wall_now();
  last_ = report;
  return report;
}

ReloadReport Reload::try_out() const {
  config::Result result = source_.load();
  ReloadReport report;
  report.ok = result.ok();
  report.diagnostics = std::move(result.diagnostics);
  if (!report.ok) {
    report.cause = "the configuration is invalid";
    return report;
  }
  report.diff = config::diff(state_.config(), result.config);
  report.needs_restart = needs_restart(started_, result.config);
  return report;
}

ReloadReport Reload::roll_back(std::uint64_t generation) {
  const auto wanted = [&](const Past& past) {
    return generation == 0 ? &past != &history_.front() : past.generation == generation;
  };
  const auto found = std::ranges::find_if(history_, wanted);
  if (found == history_.end()) {
    ReloadReport report;
    report.cause = generation == 0 ? "there is no earlier configuration"
                                   : "generation " + std::to_string(generation) + " is not kept";
    report.fix = "engine history";
    return report;
  }
  return adopt(found->config, {}, "rollback to generation " + std::to_string(found->generation));
}

void Reload::remember(std::string_view reason) {
  history_.push_front({state_.generation(), log::format_time(base::wall_now()), std::string(reason),
                       state_.config()});
  // So many that memory stays bounded, whatever a configuration's size.
  std::size_t sites = 0;
  const auto too_much = [&](const Past& past) {
    sites += past.config.sites.size();
    return sites > kHistorySitesMax;
  };
  const auto first_too_much = std::find_if(history_.begin() + 1, history_.end(), too_much);
  history_.erase(first_too_much, history_.end());
  if (history_.size() > kHistoryMax) history_.pop_back();
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

ReloadReport Reload::refuse(ReloadReport report, std::string_view reason, std::string cause,
                            std::string fix) {
  report.ok = false;
  report.cause = std::move(cause);
  report.fix = std::move(fix);
  log::error("reload refused",
             {{"cause", report.cause + (report.fix.empty() ? "" : "; fix: " + report.fix)},
              {"reason", reason}});
  log::error("The running configuration was kept (generation " +
             std::to_string(state_.generation()) + ").");
  ++counts_.failed;
  counts_.last_at = base::wall_now();
  last_ = report;
  return report;
}

}  // namespace engine::control
