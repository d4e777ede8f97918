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

// As kamal-proxy has it: every address of one port, which takes TLS or not as a client wishes.
Outcome set_port(std::optional<Listener>& listener, std::string_view value,
                 const std::string& origin) {
  const auto port = is_digits(value) ? parse_number<uint16_t>(value) : std::nullopt;
  if (!port || *port == 0) {
    return Complaint{fmt::format("{} is not a port", in_quotes(value)),
                     "write a number from 1 to 65535"};
  }
  listener = Listener{{}, *port, {}};
  listener->where.file = origin;
  return std::nullopt;
}

Outcome set_count(std::optional<uint64_t>& count, std::string_view value, uint64_t max) {
  const auto number = is_digits(value) ? parse_number<uint64_t>(value) : std::nullopt;
  if (!number || *number > max) {
    return Complaint{fmt::format("{} is not a number from 0 to {}", in_quotes(value), max),
                     "write digits only"};
  }
  count = number;
  return std::nullopt;
}

Outcome set_directory(Overrides& overrides, std::string_view value) {
  if (has_control(value)) {
    return Complaint{fmt::format("{} is not a path", in_quotes(value)), "name a directory"};
  }
  overrides.state_directory = value;
  return std::nullopt;
}

Outcome set_socket(Overrides& overrides, std::string_view value) {
  if (auto wrong = check_socket_path(value)) return wrong;
  overrides.socket = value;
  return std::nullopt;
}

Outcome set_admin_http(Overrides& overrides, std::string_view value, const std::string& origin) {
  std::expected<Listener, Complaint> listener = parse_listener(value);
  if (!listener) return listener.error();
  listener->where.file = origin;
  overrides.admin_http = std::move(*listener);
  return std::nullopt;
}

Outcome set_token(Overrides& overrides, std::string_view value) {
  if (auto wrong = check_token(value)) return wrong;
  if (overrides.admin_token) {
    return Complaint{"the token is said twice",
                     "set ENGINE_ADMIN_TOKEN or ENGINE_ADMIN_TOKEN_FILE, not both"};
  }
  overrides.admin_token = value;
  return std::nullopt;
}

Outcome set_token_file(Overrides& overrides, std::string_view value,
                       const Environment& environment) {
  const auto text = environment.read_file(std::string(value), kSecretFileBytesMax);
  if (!text) {
    return Complaint{fmt::format("{}: {}", value, text.error().message), text.error().hint};
  }
  const std::string_view token = trim(*text);
  if (token.empty()) {
    return Complaint{fmt::format("{} is empty", value), "write the token into it"};
  }
  return set_token(overrides, token);
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

Outcome set_duration(std::optional<Milliseconds>& duration, std::string_view value) {
  duration = parse_duration(value);
  if (duration) return std::nullopt;
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
                  const std::string& origin, const Environment& environment) {
  switch (setting) {
    case Setting::ConfigPath: return set_path(overrides, value);
    case Setting::Listen: return set_listen(overrides, value, origin);
    case Setting::HttpPort: return set_port(overrides.http_port, value, origin);
    case Setting::HttpsPort: return set_port(overrides.https_port, value, origin);
    case Setting::Workers: return set_workers(overrides, value);
    case Setting::Io: return set_io(overrides, value);
    case Setting::Grace: return set_duration(overrides.grace, value);
    case Setting::LimitConcurrency:
      return set_count(overrides.limit_concurrency, value, kConcurrencyMax);
    case Setting::MaxConnections:
      return set_count(overrides.max_connections, value, kTargetConnectionsMax);
    case Setting::MaxKeepalive:
      return set_count(overrides.max_keepalive, value, kTargetConnectionsMax);
    case Setting::KeepaliveExpiry: return set_duration(overrides.keepalive_expiry, value);
    case Setting::StateDirectory: return set_directory(overrides, value);
    case Setting::Socket: return set_socket(overrides, value);
    case Setting::AdminHttp: return set_admin_http(overrides, value, origin);
    case Setting::AdminToken: return set_token(overrides, value);
    case Setting::AdminTokenFile: return set_token_file(overrides, value, environment);
    case Setting::LogLevel: return set_level(overrides, value);
    case Setting::AccessLog: return set_access(overrides, value);
  }
  return Complaint{"unknown setting", {}};
}

void apply_listeners(Config& config, const Overrides& overrides) {
  if (!overrides.listen && !overrides.http_port && !overrides.https_port) return;
  config.listen = overrides.listen.value_or(std::vector<Listener>());
  for (const auto& port : {overrides.http_port, overrides.https_port}) {
    if (port) config.listen.push_back(*port);
  }
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
                                       std::string_view value, const std::string& origin,
                                       const Environment& environment) {
  Outcome complaint = set_value(overrides, setting, value, origin, environment);
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
  static constexpr std::array kVariables = {
      std::pair{"ENGINE_CONFIG", Setting::ConfigPath},
      std::pair{"ENGINE_LISTEN", Setting::Listen},
      std::pair{"ENGINE_HTTP_PORT", Setting::HttpPort},
      std::pair{"ENGINE_HTTPS_PORT", Setting::HttpsPort},
      std::pair{"ENGINE_WORKERS", Setting::Workers},
      std::pair{"ENGINE_IO", Setting::Io},
      std::pair{"ENGINE_GRACE", Setting::Grace},
      std::pair{"ENGINE_LIMIT_CONCURRENCY", Setting::LimitConcurrency},
      std::pair{"ENGINE_MAX_CONNECTIONS", Setting::MaxConnections},
      std::pair{"ENGINE_MAX_KEEPALIVE", Setting::MaxKeepalive},
      std::pair{"ENGINE_KEEPALIVE_EXPIRY", Setting::KeepaliveExpiry},
      std::pair{"ENGINE_STATE_DIR", Setting::StateDirectory},
      std::pair{"ENGINE_SOCKET", Setting::Socket},
      std::pair{"ENGINE_ADMIN_HTTP", Setting::AdminHttp},
      std::pair{"ENGINE_ADMIN_TOKEN", Setting::AdminToken},
      std::pair{"ENGINE_ADMIN_TOKEN_FILE", Setting::AdminTokenFile},
      std::pair{"ENGINE_LOG_LEVEL", Setting::LogLevel},
      std::pair{"ENGINE_ACCESS_LOG", Setting::AccessLog}};
  static_assert(kVariables.size() == kSettingCount);
  Overrides overrides;
  for (const auto& [name, setting] : kVariables) {
    std::optional<std::string> value = environment.variable(name);
    if (!value || value->empty()) continue;
    if (auto diagnostic = set_override(overrides, setting, *value, name, environment)) {
      diagnostics.push_back(std::move(*diagnostic));
    }
  }
  return overrides;
}

Overrides merge(Overrides winner, const Overrides& other) {
  fill(winner.config_path, other.config_path);
  fill(winner.listen, other.listen);
  fill(winner.http_port, other.http_port);
  fill(winner.https_port, other.https_port);
  fill(winner.workers, other.workers);
  fill(winner.io, other.io);
  fill(winner.grace, other.grace);
  fill(winner.limit_concurrency, other.limit_concurrency);
  fill(winner.max_connections, other.max_connections);
  fill(winner.max_keepalive, other.max_keepalive);
  fill(winner.keepalive_expiry, other.keepalive_expiry);
  fill(winner.state_directory, other.state_directory);
  fill(winner.socket, other.socket);
  fill(winner.admin_http, other.admin_http);
  fill(winner.admin_token, other.admin_token);
  fill(winner.log_level, other.log_level);
  if (!winner.access_output) winner.access_path = other.access_path;
  fill(winner.access_output, other.access_output);
  return winner;
}

void apply(Config& config, const Overrides& overrides) {
  apply_listeners(config, overrides);
  put(config.engine.workers, overrides.workers);
  put(config.engine.io, overrides.io);
  put(config.engine.grace, overrides.grace);
  put(config.engine.limits.concurrency, overrides.limit_concurrency);
  put(config.engine.upstream.max_connections, overrides.max_connections);
  put(config.engine.upstream.max_idle, overrides.max_keepalive);
  put(config.engine.upstream.keepalive, overrides.keepalive_expiry);
  put(config.admin.socket, overrides.socket);
  if (overrides.admin_http) config.admin.http = overrides.admin_http;
  put(config.admin.token, overrides.admin_token);
  put(config.log.level, overrides.log_level);
  put(config.log.access.output, overrides.access_output);
  if (overrides.access_output) config.log.access.path = overrides.access_path;
}

}  // namespace config
