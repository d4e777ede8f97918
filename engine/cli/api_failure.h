// SPDX-License-Identifier: GPL-3.0-or-later
// Why a call to the control API failed, as an exit code and as sentences for people. It must not
// know how the call was made.
#pragma once

#include <string>
#include <string_view>

#include "engine/cli/exit_code.h"
#include "engine/cli/fields.h"

namespace engine::cli {

struct ApiFailure {
  int exit_code = kExitFailed;
  std::string error;  // empty: nothing needs to be said, as after Ctrl-C
  std::string cause;  // may be empty
  std::string fix;    // may be empty
  int status = 0;     // of the answer; 0: there was none
  Json problem;       // the body of the answer (RFC 9457), or null
};

// Of an answer whose status is 400 or more. `subject` is the name that was asked for, to find the
// one that was meant; it may be empty.
[[nodiscard]] ApiFailure failure_of(int status, std::string_view body, std::string_view subject);

[[nodiscard]] ApiFailure interrupted();

// On stderr, with the mistakes of a configuration where it brought some. Returns the exit code.
[[nodiscard]] int say_failure(const ApiFailure& failure);

// `diagnostics` of an answer of the API, as engine check shows them.
void say_diagnostics(const Json& diagnostics);

}  // namespace engine::cli
