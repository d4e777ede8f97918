// SPDX-License-Identifier: GPL-3.0-or-later
// What the echo server shows of a request: a page for people, JSON for programs. Pure text.
#pragma once

#include <string>

#include "engine/http/head.h"

namespace engine::cli {

// {"method":…,"target":…,"path":…,"query":…,"version":…,"host":…,"headers":[[name,value],…]}
[[nodiscard]] std::string request_json(const http::RequestHead& head);

[[nodiscard]] std::string request_page(const http::RequestHead& head);

}  // namespace engine::cli
