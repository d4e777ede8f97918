// SPDX-License-Identifier: GPL-3.0-or-later
// Opens the engine's socket, or says why that failed. It must not know what is said over it.
#pragma once

#include <expected>
#include <string>

#include "config/config.h"
#include "engine/cli/api_failure.h"

namespace engine::cli {

// A connected descriptor, non-blocking, that the caller closes.
[[nodiscard]] std::expected<int, ApiFailure> open_socket(const std::string& path,
                                                         config::Milliseconds timeout);

}  // namespace engine::cli
