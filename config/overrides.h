// SPDX-License-Identifier: GPL-3.0-or-later
// Values from flags and ENGINE_* variables, which win over the file: flag > variable > file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "config/environment.h"

namespace config {

struct Overrides {
  std::optional<std::string> config_path;
  // What any of these three names replaces `listen` of the file.
  std::optional<std::vector<Listener>> listen;
  std::optional<Listener> http_port, https_port;
  std::optional<unsigned> workers;  // 0 = auto
  std::optional<Engine::Io> io;
  std::optional<Milliseconds> grace;
  std::optional<uint64_t> limit_concurrency, max_connections, max_keepalive;
  std::optional<Milliseconds> keepalive_expiry;
  std::optional<std::string> state_directory;
  std::optional<std::string> socket;
  std::optional<Listener> admin_http;
  std::optional<std::string> admin_token;
  std::optional<LogLevel> log_level;
  std::optional<AccessLog::Output> access_output;
  std::string access_path;  // with access_output = File
};

enum class Setting : uint8_t {
  ConfigPath,
  Listen,
  HttpPort,
  HttpsPort,
  Workers,
  Io,
  Grace,
  LimitConcurrency,
  MaxConnections,
  MaxKeepalive,
  KeepaliveExpiry,
  StateDirectory,
  Socket,
  AdminHttp,
  AdminToken,
  AdminTokenFile,
  LogLevel,
  AccessLog,
};
inline constexpr std::size_t kSettingCount = static_cast<std::size_t>(Setting::AccessLog) + 1;

// Reads one value: "auto" or a number of workers, ":80,127.0.0.1:8080" for Listen, "off", "stdout",
// "stderr" or a path for AccessLog, a file with the token in it for AdminTokenFile. `origin` is the
// flag or the variable, for the message.
std::optional<Diagnostic> set_override(Overrides& overrides, Setting setting,
                                       std::string_view value, const std::string& origin,
                                       const Environment& environment);

// ENGINE_CONFIG, ENGINE_LISTEN and so on: ENGINE_ and the name of the flag in capitals, and
// ENGINE_ADMIN_TOKEN, which is no flag, as everybody can read those. An empty variable counts as not
// set.
Overrides overrides_from_environment(const Environment& environment,
                                     std::vector<Diagnostic>& diagnostics);

// `winner` where it says something, else `other`.
Overrides merge(Overrides winner, const Overrides& other);

void apply(Config& config, const Overrides& overrides);

}  // namespace config
