// SPDX-License-Identifier: GPL-3.0-or-later
// What the command line and the environment say about a run. Plain data.
#pragma once

#include <string>

#include "config/overrides.h"

namespace engine::cli {

struct RunOptions {
  std::string config = "proxy.toml";
  config::Overrides overrides;  // flags, then ENGINE_* variables
};

}  // namespace engine::cli
