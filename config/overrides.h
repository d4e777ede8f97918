// SPDX-License-Identifier: GPL-3.0-or-later
// Values from flags and ENGINE_* variables, which win over the file: flag > variable > file.
#pragma once

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
  std::optional<std::vector<Listener>> listen;
  std::optional<unsigned> workers;  // 0 = auto
  std::optional<Engine::Io> io;
  std::optional<Milliseconds> grace;
  std::optional<LogLevel> log_level;
  std::optional<AccessLog::Output> access_output;
  std::string access_path;  // with access_output = File
};

enum class Setting : uint8_t { ConfigPath, Listen, Workers, Io, Grace, LogLevel, AccessLog };

// Reads one value: "auto" or a number of workers, ":80,127.0.0.1:8080" for Listen, "off", "stdout",
// "stderr" or a path for AccessLog. `origin` is the flag or the variable, for the message.
std::optional<Diagnostic> set_override(Overrides& overrides, Setting setting,
                                       std::string_view value, const std::string& origin);

// ENGINE_CONFIG, ENGINE_LISTEN, ENGINE_WORKERS, ENGINE_IO, ENGINE_GRACE, ENGINE_LOG_LEVEL,
// ENGINE_ACCESS_LOG. An empty variable counts as not set.
Overrides overrides_from_environment(const Environment& environment,
                                     std::vector<Diagnostic>& diagnostics);

// `winner` where it says something, else `other`.
Overrides merge(Overrides winner, const Overrides& other);

void apply(Config& config, const Overrides& overrides);

}  // namespace config
