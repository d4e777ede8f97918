// SPDX-License-Identifier: GPL-3.0-or-later
// Where the Unix socket of the control API is. Both ends ask here: the engine that opens it and the
// command line that calls it. It must not know what is said there.
#pragma once

#include <string>

namespace engine::control {

// `chosen` by a flag, ENGINE_SOCKET or admin.socket of proxy.toml; empty when none says anything: then
// /run/engine/admin.sock for root, $XDG_RUNTIME_DIR/engine/admin.sock for others, and admin.sock in
// the state directory where there is no such variable. An empty variable counts as not set.
[[nodiscard]] std::string admin_socket_path(const std::string& chosen,
                                            const std::string& state_directory);

}  // namespace engine::control
