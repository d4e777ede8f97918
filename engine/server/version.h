// SPDX-License-Identifier: GPL-3.0-or-later
// What this binary is made of and runs on, for `engine version`.
#pragma once

#include <string>

namespace engine::server {

// "engine 0.1.0 (commit, liburing 2.9, wolfSSL 5.7.2, kernel 6.1.0)"; with `verbose` one line for
// every library, and what io_uring offers here.
[[nodiscard]] std::string version_text(bool verbose);

}  // namespace engine::server
