// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/overrides.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "config/address.h"
#include "config/text.h"
#include "config/units.h"

namespace config {
namespace {

using Outcome = std::optional<Complaint>;

Outcome set_path(Overrides& overrides, std::string_view value) {
  if (value.empty()) return Complaint{"the path is empty", "name a file"};
  overrides.config_path = value;
  return std::nullopt;
}

Outcome set_listen(Overrides& overrides, std::string_view value, const std::string& origin) {
  std::vector<Listener> listeners;
  for (std::string_view part : split(value, ',')) {
    std::expected<Listener, Complaint> listener = parse_listener(trim(part));
    if (!listener) return listener.error();
    listener->where.file = origin;
    listeners.push_back(std::move(*listener));
  }
  overrides.listen = std::move(listeners);
  return std::nullopt;
}

Outcome set_workers(Overrides& overrides, std::string_view value) {
  std::optional<unsigned> workers = is_digits(value) ? parse_number<unsigned>(value) : std::nullopt;
  if (value == "auto") {
    overrides.workers = 0;
  } else if (workers && *workers >= 1 && *workers <= kWorkersMax) {
    overrides.workers = workers;
  } else {
    return Complaint{fmt::format("{} is not a number of workers", in_quotes(value)),
                     fmt::format("write auto or a number from 1 to {}", kWorkersMax)};
  }
  return std::nullopt;
}

Outcome set_io(Overrides& overrides, std::string_view value) {
  if (value == "epoll") {
    return Complaint{"\"epoll\" is not supported by this version", "write auto or uring"};
  }
  if (value != "auto" && value != "uring") {
    return Complaint{fmt::format("{} is not a kind of io", in_quotes(value)),
                     "write auto or uring"};
  }
  overrides.io = value == "auto" ? Engine::Io::Auto : Engine::Io::Uring;
  return std::nullopt;
}

Outcome set_grace(Overrides& overrides, std::string_view value) {
  overrides.grace = parse_duration(value);
  if (overrides.grace) return std::nullopt;
  return Complaint{not_a_duration(value), {}};
}

Outcome set_level(Overrides& overrides, std::string_view value) {
  static constexpr std::array kLevels = {std::pair{std::string_view("error"), LogLevel::Error},
                                         std::pair{std::string_view("warn"), LogLevel::Warn},
                                         std::pair{std::string_view("info"), LogLevel::Info},
                                         std::pair{std::string_view("debug"), LogLevel::Debug}};
  for (const auto& [name, level] : kLevels) {
    if (value != name) continue;
    overrides.log_level = level;
    return std::nullopt;
  }
  return Complaint{fmt::format("{} is not a log level", in_quotes(value)),
                   "write error, warn, info or debug"};
}

Outcome set_access(Overrides& overrides, std::string_view value) {
  using Output = AccessLog::Output;
  if (value.empty() || has_control(value)) {
    return Complaint{fmt::format("{} is not a path", in_quotes(value)),
                     "write off, stdout, stderr or a path"};
  }
  Output output = Output::File;
  if (value == "off") output = Output::Off;
  if (value == "stdout") output = Output::Stdout;
  if (value == "stderr") output = Output::Stderr;
  overrides.access_output = output;
  overrides.access_path = output == Output::File ? value : std::string_view();
  return std::nullopt;
}

Outcome set_value(Overrides& overrides, Setting setting, std::string_view value,
                  const std::string& origin) {
  switch (setting) {
    case Setting::ConfigPath: return set_path(overrides, value);
    case Setting::Listen: return set_listen(overrides, value, origin);
    case Setting::Workers: return set_workers(overrides, value);
    case Setting::Io: return set_io(overrides, value);
    case Setting::Grace: return set_grace(overrides, value);
    case Setting::LogLevel: return set_level(overrides, value);
    case Setting::AccessLog: return set_access(overrides, value);
  }
  return Complaint{"unknown setting", {}};
}

template <class T>
void fill(std::optional<T>& value, const std::optional<T>& other) {
  if (!value) value = other;
}

template <class T>
void put(T& value, const std::optional<T>& override_value) {
  if (override_value) value = *override_value;
}

}  // namespace

std::optional<Diagnostic> set_override(Overrides& overrides, Setting setting,
                                       std::string_view value, const std::string& origin) {
  Outcome complaint = set_value(overrides, setting, value, origin);
  if (!complaint) return std::nullopt;
  Diagnostic diagnostic;
  diagnostic.problem = Problem::Override;
  diagnostic.where.file = origin;
  diagnostic.message = std::move(complaint->message);
  diagnostic.hint = std::move(complaint->hint);
  return diagnostic;
}

Overrides overrides_from_environment(const Environment& environment,
                                     std::vector<Diagnostic>& diagnostics) {
  static constexpr std::array kVariables = {std::pair{"ENGINE_CONFIG", Setting::ConfigPath},
                                            std::pair{"ENGINE_LISTEN", Setting::Listen},
                                            std::pair{"ENGINE_WORKERS", Setting::Workers},
                                            std::pair{"ENGINE_IO", Setting::Io},
                                            std::pair{"ENGINE_GRACE", Setting::Grace},
                                            std::pair{"ENGINE_LOG_LEVEL", Setting::LogLevel},
                                            std::pair{"ENGINE_ACCESS_LOG", Setting::AccessLog}};
  Overrides overrides;
  for (const auto& [name, setting] : kVariables) {
    std::optional<std::string> value = environment.variable(name);
    if (!value || value->empty()) continue;
    if (auto diagnostic = set_override(overrides, setting, *value, name)) {
      diagnostics.push_back(std::move(*diagnostic));
    }
  }
  return overrides;
}

Overrides merge(Overrides winner, const Overrides& other) {
  fill(winner.config_path, other.config_path);
  fill(winner.listen, other.listen);
  fill(winner.workers, other.workers);
  fill(winner.io, other.io);
  fill(winner.grace, other.grace);
  fill(winner.log_level, other.log_level);
  if (!winner.access_output) winner.access_path = other.access_path;
  fill(winner.access_output, other.access_output);
  return winner;
}

void apply(Config& config, const Overrides& overrides) {
  put(config.listen, overrides.listen);
  put(config.engine.workers, overrides.workers);
  put(config.engine.io, overrides.io);
  put(config.engine.grace, overrides.grace);
  put(config.log.level, overrides.log_level);
  put(config.log.access.output, overrides.access_output);
  if (overrides.access_output) config.log.access.path = overrides.access_path;
}

}  // namespace config
