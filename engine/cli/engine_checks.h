// SPDX-License-Identifier: GPL-3.0-or-later
// What `engine doctor` looks at for one configuration: the file, its ports, what is kept in the state
// directory, and who answers on the control socket. Reads only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "engine/cli/finding.h"
#include "engine/cli/run_options.h"
#include "engine/cli/system_store.h"

namespace engine::cli {

[[nodiscard]] Findings check_engine(const RunOptions& options);

// What an engine says of itself over its control socket.
struct RunningEngine {
  long long pid = 0;
  std::string config;  // the path it was given
  std::string state_directory;
  std::vector<std::string> listeners;  // "127.0.0.1:8080", "[::]:8080"
};

// Of the parts, what they make of what is there:
// Whether `listener` can be opened by this user, or `running` has it.
[[nodiscard]] Finding listen_finding(const config::Listener& listener,
                                     const std::optional<RunningEngine>& running);
// Whether `directory` can keep what must survive a restart.
[[nodiscard]] Finding state_directory_finding(const std::string& directory);
// Of state.json in it.
[[nodiscard]] Finding state_file_finding(const std::string& directory);
// Whether the first of `stores` that is there believes the local CA in `directory`.
[[nodiscard]] Finding authority_finding(const std::string& directory,
                                        const std::vector<SystemStore>& stores);

}  // namespace engine::cli
