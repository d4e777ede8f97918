// SPDX-License-Identifier: GPL-3.0-or-later
// The right side of a route, when it is one string or one number. It must not know TOML.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include "config/complaint.h"
#include "config/config.h"

namespace config {

// "host:port", "http://host[:port]", "https://host[:port]", "h2c://host:port", "3000", "unix:/path",
// "redirect:URL", "status:NNN [text]". The position and the weight are left to the caller.
std::expected<Target, Complaint> parse_target(std::string_view text);

std::expected<Target, Complaint> port_target(int64_t port);

}  // namespace config
