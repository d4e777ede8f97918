// SPDX-License-Identifier: GPL-3.0-or-later
// What would become of a request, and why: which site it falls to, and what happens there. On a
// configuration alone; nothing is asked and nothing sent.
#pragma once

#include <expected>
#include <string>

#include "config/config.h"
#include "engine/control/refusal.h"
#include "engine/control/runtime.h"

namespace engine::control {

struct Question {
  std::string method = "GET";
  std::string url;  // "https://shop.example.com/cart?x=1"; without a scheme http:// is meant
};

// {"site","service","origin","answer","why":[…],"targets":[…],…}; a request for which there is no
// site has "site": null and the status it would get.
[[nodiscard]] std::expected<Json, Refusal> explain(const config::Config& config,
                                                   const Question& question);

}  // namespace engine::control
