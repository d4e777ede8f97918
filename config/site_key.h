// SPDX-License-Identifier: GPL-3.0-or-later
// The left side of a route: "host[/path]". It must not know targets.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "config/complaint.h"

namespace config {

struct SiteKey {
  std::string text;    // host in lower case, IPv6 in its shortest form, "/" alone dropped
  std::string host;    // "app.example.com", "*.example.com", "[::1]", "*"
  std::string prefix;  // "/admin/", or empty
};

std::expected<SiteKey, Complaint> parse_site_key(std::string_view written);

// Why `path` cannot begin a request path; used for prefixes wherever they are written.
std::expected<void, Complaint> check_path_prefix(std::string_view path);

}  // namespace config
