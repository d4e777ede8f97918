// SPDX-License-Identifier: GPL-3.0-or-later
// A request to the control API, and who makes it. Plain data: it must not know which requests there
// are.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/http/head.h"

namespace engine::control {

struct Caller {
  bool may_write = false;
  std::string who;                // "uid 0 (root), pid 123" or "127.0.0.1:4711 (token)"
  std::optional<uid_t> uid = {};  // over the unix socket only, as the kernel vouches for it
  std::optional<pid_t> pid = {};
};

struct ApiRequest {
  std::string method;                        // "GET"
  std::string path;                          // percent-decoded, without control characters
  std::map<std::string, std::string> query;  // decoded; of a name that comes twice the last
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  Caller caller;

  // The value of the first field of that name, in any case; empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

// A copy of what the head says; body and caller are left empty. Nothing when the path or the query
// does not decode.
[[nodiscard]] std::optional<ApiRequest> request_of(const http::RequestHead& head);

}  // namespace engine::control
