// SPDX-License-Identifier: GPL-3.0-or-later
// Reads proxy.toml for a verb, and tells a person what is wrong with it. It must not know what the
// verb does with the configuration.
#pragma once

#include <string>

#include "config/config.h"
#include "config/load.h"
#include "engine/cli/run_options.h"

namespace engine::cli {

// The configuration that `options` name, with their overrides applied when it is ok(). "-" is
// stdin.
[[nodiscard]] config::Result read_config(const RunOptions& options);

// $ENGINE_CONFIG, else proxy.toml: the file of a verb that is told of none.
[[nodiscard]] std::string usual_config_path();

// Whether something is at `path`, readable or not.
[[nodiscard]] bool is_there(const std::string& path);

// The exit code that belongs to `result`: kExitOk, kExitConfig, kExitNotFound, kExitPermission or
// kExitUsage.
[[nodiscard]] int exit_code_of(const config::Result& result);

// Says on stderr what is wrong, warnings too; silent when there is nothing to say.
void say_problems(const RunOptions& options, const config::Result& result);

// "2 sites, 1 listener"
[[nodiscard]] std::string contents_of(const config::Config& config);

}  // namespace engine::cli
