// SPDX-License-Identifier: GPL-3.0-or-later
// Why something that was asked for is not done: what a client of the control API is told. Plain data.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/diagnostic.h"

namespace engine::control {

struct Refusal {
  int status = 500;  // of HTTP
  std::string detail = {};
  std::string hint = {};                             // may be empty
  std::string field = {};                            // of the request, when one is to blame
  std::string owner = {};                            // 409: whose it is
  std::vector<std::string> known = {};               // 404: what there is
  std::vector<config::Diagnostic> diagnostics = {};  // 422: every problem
};

// For coroutines: g++ 12 destroys aggregates that are made in braces inside one twice.
[[nodiscard]] inline Refusal refusal(int status, std::string detail, std::string hint = {},
                                     std::string owner = {}) {
  return {.status = status,
          .detail = std::move(detail),
          .hint = std::move(hint),
          .owner = std::move(owner)};
}

}  // namespace engine::control
