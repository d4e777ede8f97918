// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/target_name.h"

#include <fmt/format.h>

#include <vector>

namespace engine::cli {

std::expected<std::string, ApiFailure> target_named(const std::string& written,
                                                    const Json& answer) {
  std::vector<std::string> meant;
  Json known = Json::array();
  for (const Json& target : list_in(answer, "targets")) {
    const std::string id = text_in(target, "id");
    const std::string address = text_in(target, "target");
    if (written == id) return id;
    if (written == address || written == text_in(target, "service") + "/" + address) {
      meant.push_back(id);
    }
    known.push_back(id);
  }
  if (meant.size() == 1) return meant.front();
  if (meant.empty()) {
    const Json problem = {{"detail", fmt::format("no target is named \"{}\"", written)},
                          {"known", known}};
    return std::unexpected(failure_of(404, json_line(problem), written));
  }
  return std::unexpected(
      ApiFailure{.exit_code = kExitUsage,
                 .error = fmt::format("several targets are named \"{}\"", written),
                 .fix = fmt::format("write one of {}", fmt::join(meant, ", "))});
}

}  // namespace engine::cli
