// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as proxy.toml: no crash, no hang, no leak; and every problem can be shown.
#include <cstddef>
#include <cstdint>
#include <string>

#include "config/diff.h"
#include "config/load.h"
#include "engine/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  config::Environment environment = config::Environment::empty();
  environment.variable = [](const std::string& name) -> std::optional<std::string> {
    if (name.size() % 2 == 0) return std::nullopt;
    return name;
  };
  std::string text(reinterpret_cast<const char*>(data), size);
  config::Result result = config::load_text(text, "proxy.toml", environment);
  config::render(result.diagnostics, config::Color::Always);
  config::to_json(result.diagnostics);
  for (const config::Site& site : result.config.sites) {
    ENSURE(!result.ok() || !site.targets.empty(), "a site of a good configuration has no target");
    ENSURE(site.where.line > 0, "a site without a place");
    for (const config::Target& target : site.targets) target.display();
  }
  bool is_same = config::diff(result.config, result.config).empty();
  ENSURE(!result.ok() || is_same, "a good configuration differs from itself");
  ENSURE(!result.config.listen.empty(), "a configuration without a listener");
  return 0;
}
