// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/service_calls.h"

#include <fmt/format.h>

#include "engine/cli/say.h"

namespace engine::cli {

int call_service(const ClientFlags& flags, const ServiceCall& call) {
  const ApiCall api{.method = "POST",
                    .path = fmt::format("/v1/services/{}:{}", encoded(call.service), call.verb),
                    .body = call.body,
                    .subject = call.service,
                    .timeout = patience_for(text_in(call.body, "drain"))};
  return change(flags, api, [&](const Json& answer) {
    if (const auto cut = number_in(answer, "cut"); cut != 0) {
      say(fmt::format("{} requests did not end in time and were cut", cut));
    }
    return fmt::format("{} {} (generation {})", call.sentence, call.service,
                       number_in(answer, "generation"));
  });
}

}  // namespace engine::cli
