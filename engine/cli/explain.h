// SPDX-License-Identifier: GPL-3.0-or-later
// `engine explain`: which site a request falls to and what happens there, asked of the running
// engine or of a file.
#pragma once

#include <string>
#include <vector>

#include "engine/cli/client_verb.h"
#include "engine/cli/fields.h"

namespace engine::cli {

struct ExplainOptions {
  ClientFlags client;
  std::string config;  // the file to ask; empty: the running engine, else the usual file
  std::vector<std::string> words;  // [METHOD] URL
};

// Returns the exit code: kExitOk when there is a site for the request, kExitNotFound when there is
// none, else what kept it from being asked.
[[nodiscard]] int run_explain(const ExplainOptions& options);

// What control::explain() answers about `request`, a method and an address, for people. The running
// engine adds the gate and the state of the targets.
[[nodiscard]] std::string explain_page(const std::string& request, const Json& answer);

}  // namespace engine::cli
