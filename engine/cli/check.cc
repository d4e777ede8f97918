// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/check.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "config/diagnostic.h"
#include "engine/cli/config_file.h"
#include "engine/cli/exit_code.h"
#include "engine/control/certificates.h"
#include "engine/control/target_tls.h"

namespace engine::cli {
namespace {

void print(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

// A path may hold octets that are no UTF-8; they are shown as U+FFFD.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string report_json(const RunOptions& options, const config::Result& result) {
  const bool ok = result.ok();
  return fmt::format(
      R"({{"file":{},"ok":{},"sites":{},"listeners":{},"errors":{},"warnings":{},"problems":{}}})",
      quoted(options.config), ok, ok ? result.config.sites.size() : 0,
      ok ? result.config.listen.size() : 0,
      config::count(result.diagnostics, config::Severity::Error),
      config::count(result.diagnostics, config::Severity::Warning),
      config::to_json(result.diagnostics));
}

}  // namespace

config::Result read_checked_config(const RunOptions& options) {
  config::Result result = read_config(options);
  if (result.ok()) {
    control::Certificates::check(result.config, result.diagnostics);
    control::TargetTlsContexts::check(result.config, result.diagnostics);
  }
  return result;
}

int run_check(const RunOptions& options, Output output) {
  const config::Result result = read_checked_config(options);
  if (output == Output::Json) {
    print(report_json(options, result));
    return exit_code_of(result);
  }
  say_problems(options, result);
  if (result.ok()) print(fmt::format("{}: ok ({})", options.config, contents_of(result.config)));
  return exit_code_of(result);
}

}  // namespace engine::cli
