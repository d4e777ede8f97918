// SPDX-License-Identifier: GPL-3.0-or-later
// `POST /v1/services/NAME:verb`, which several verbs of the command line make.
#pragma once

#include <string>

#include "engine/cli/client_verb.h"
#include "engine/cli/fields.h"

namespace engine::cli {

struct ServiceCall {
  std::string service;
  std::string verb;      // of the API
  std::string sentence;  // what happened, before the name: "paused"
  Json body;             // its "drain" is waited for
};

// Prints "paused web (generation 43)". Returns the exit code.
[[nodiscard]] int call_service(const ClientFlags& flags, const ServiceCall& call);

}  // namespace engine::cli
