// SPDX-License-Identifier: GPL-3.0-or-later
// What a stream notes down for the access log and the metrics. Plain data; the stream owns what its
// views point into.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/http/cors.h"
#include "engine/proxy/addresses.h"

namespace engine::proxy {

// Fields that a site's log shows: their names, which are the service's, and their values.
struct LoggedValues {
  using List = std::vector<std::pair<std::string_view, std::string>>;
  List request, response;
};

// What the access log says of a stream; the views point into the request's head.
struct StreamRecord {
  std::string_view method, host, path, query, user_agent, referer;
  std::string_view site, service;
  std::string details;  // of an error
  std::string target;   // that was left before the end
  std::uint8_t major_version = 1, minor_version = 1;
  std::uint16_t status = 0;
  std::uint8_t tries = 0;
  base::Cause cause = base::Cause::None;
  base::Time started = 0, connected = 0, first_byte = 0;  // loop clock; 0 = did not happen
  base::Time sent = 0, last_byte = 0;   // the same: to the target, and from it the response's last
  base::Time gate_wait = 0, queue = 0;  // how long it was parked: for its gate, for anything else
  std::string_view request_id;          // a trusted client's, else the new one
  std::array<char, 33> new_request_id{};
  NamedClient client;                    // that the site believes in; empty: the connection's
  std::unique_ptr<LoggedValues> logged;  // null where the site shows none
  http::CorsGrant cors;                  // of the site, to the request's origin
};

}  // namespace engine::proxy
