// SPDX-License-Identifier: GPL-3.0-or-later
// One question to one target: are you up? It must not know what follows from the answer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "config/config.h"
#include "engine/async/scope.h"
#include "engine/route/target.h"

namespace engine::control {

struct ProbeAnswer {
  bool ok = false;
  std::string text;          // "200 in 12 ms", "connection refused"
  std::string hint;          // what its cause may be; mostly empty
  bool timed_out = false;    // it did not answer at all
  bool wants_https = false;  // it sends everybody to https://: ask again as a proxy that speaks it
};

// "GET /up", for people.
[[nodiscard]] std::string probe_text(const route::Target& target, const config::Health& health);

// Without a path, and of HTTP/2 in plaintext, a target is up when it accepts a connection.
// `as_https`: with X-Forwarded-Proto.
[[nodiscard]] async::Task<ProbeAnswer> probe(async::Scope& scope,
                                             std::shared_ptr<const route::Target> target,
                                             std::shared_ptr<const route::Addresses> addresses,
                                             config::Health health, bool as_https);

}  // namespace engine::control
