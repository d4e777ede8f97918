// SPDX-License-Identifier: GPL-3.0-or-later
// `engine certs`: the certificates that a configuration serves, as they are on the disk now. It
// makes none, and shows no key.
#pragma once

#include <string>

#include "engine/cli/check.h"
#include "engine/cli/run_options.h"

namespace engine::cli {

// The files of [tls], and the local CA in `state`/tls with what it issued, unless it is switched
// off. Returns the exit code: kExitFailed when one of them could not be served.
[[nodiscard]] int run_certs(const RunOptions& options, const std::string& state, Output output);

}  // namespace engine::cli
