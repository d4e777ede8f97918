// SPDX-License-Identifier: GPL-3.0-or-later
// One HTTP/1.1 request on a connection of its own, and its answer. It must not know who asks, nor
// how names become addresses.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/async/scope.h"
#include "engine/async/task.h"
#include "tls/context.h"

namespace engine::async {

// An address to connect to, of any family.
struct Endpoint {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::vector<Endpoint> endpoints;               // tried in this order until one connects
  std::shared_ptr<const tls::Context> tls = {};  // null: plaintext
  std::string server_name = {};                  // whose certificate it must be
  std::string method = "GET";
  std::string target = "/";  // path and query, escaped
  std::string host = {};     // the Host field
  HttpFields fields = {};    // beside Host, Connection and Content-Length
  std::string body = {};
  base::Time timeout = 10 * base::kSecond;     // for all of it; not kNever
  std::size_t body_bytes_max = 1024UL * 1024;  // of the answer; what is beyond is not read
};

struct HttpAnswer {
  enum class Failure : std::uint8_t {
    None,         // the answer is complete, or cut at body_bytes_max
    Refused,      // nobody listens there
    Timeout,      // no connection, or no complete answer, in time
    Unreachable,  // any other failure to connect
    Tls,          // no TLS session
    Protocol,     // what came was no complete HTTP answer
    Cancelled,    // the scope ended
  };

  int status = 0;  // 200..599; 0: none came
  HttpFields fields = {};
  std::string body = {};
  Failure failure = Failure::None;
  std::string error = {};  // the cause in a few words: "connection refused", "no answer within 5s"
};

// Redirects are not followed; interim answers (1xx) are skipped.
Task<HttpAnswer> fetch(Scope& scope, HttpRequest request);

}  // namespace engine::async
