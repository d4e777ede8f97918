// SPDX-License-Identifier: GPL-3.0-or-later
// What the flags of `engine deploy` ask of the API. It must not know the engine that is asked.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cli/fields.h"

namespace engine::cli {

// Repeatable flags may hold several values with commas between. Empty: not given.
struct DeployFlags {
  std::string name;  // the service, or a target in the older form
  std::vector<std::string> targets;
  std::vector<std::string> read_targets;
  std::vector<std::string> hosts;
  std::vector<std::string> paths;
  bool strip_prefix = true;
  std::string timeout = "30s";
  std::string drain = "30s";
  std::string health_path;
  std::string health_every;
  std::string health_timeout;
  std::string health_host;
  int health_port = 0;  // 0: the target's
  std::string target_timeout;
  std::string errors;
  std::string body_max;
  std::string response_max;
  bool buffer_requests = false;
  bool buffer_responses = false;
  std::string buffer_memory;
  std::string affinity;
  bool read_websockets = false;
  bool tls = false;
  std::string tls_redirect;  // "true", "false"
  std::string tls_certificate;
  std::string tls_key;
  std::string canonical_host;
  std::string client_ip_header;
  bool forward_headers = false;
  bool scope_cookies = false;
  std::vector<std::string> logged_request_headers;
  std::vector<std::string> logged_response_headers;
  std::vector<std::string> uncounted_paths;
  std::vector<std::string> set;
  bool force = false;
};

struct Misuse {
  std::string error;
  std::string fix;
};

// `engine deploy web-1:3000 --host app.example.com`: the positional is a target, and the service is
// named after its first host, else after the target. Afterwards `name` is the service.
void settle_older_form(DeployFlags& flags);

// The body of POST /v1/deploys. Without a flag that is an option of a service it has no "options":
// those of before stay. With one it has all that the flags say, and the usual probe.
[[nodiscard]] std::expected<Json, Misuse> deploy_body(const DeployFlags& flags);

// The same for `engine rollout deploy`, which takes targets and times only.
[[nodiscard]] std::expected<Json, Misuse> rollout_body(const DeployFlags& flags);

// Each value by itself, where flags were written with commas.
[[nodiscard]] std::vector<std::string> split_commas(const std::vector<std::string>& written);

// Of a service that was not there before: GET /up every second, 5 s each.
[[nodiscard]] Json usual_options();

// What to do instead of a flag that kamal-proxy has and the engine has no key for; empty when it is
// not one of these. `flag` has its dashes and no value.
[[nodiscard]] std::string_view instead_of(std::string_view flag);

}  // namespace engine::cli
