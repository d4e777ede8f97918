// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/config_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include "config/environment.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/say.h"

namespace engine::cli {
namespace {

using config::Problem;

constexpr std::string_view kStdinName = "stdin";

std::string read_stdin() {
  std::string text;
  char piece[16 * 1024];
  while (const std::size_t got = std::fread(piece, 1, sizeof piece, stdin)) {
    text.append(piece, got);
    // One octet too many is enough for the reader to refuse the whole.
    if (text.size() > config::kFileBytesMax) break;
  }
  return text;
}

bool is_about_file(const config::Diagnostic& diagnostic) {
  return diagnostic.where.line == 0 && diagnostic.problem >= Problem::NotFound &&
         diagnostic.problem <= Problem::Unreadable;
}

int exit_code_of(Problem problem) {
  switch (problem) {
    case Problem::NotFound: return kExitNotFound;
    case Problem::Permission:
    case Problem::NotAFile:
    case Problem::Unreadable: return kExitPermission;
    case Problem::Override: return kExitUsage;
    case Problem::Value:
    case Problem::Syntax:
    case Problem::NotUtf8:
    case Problem::TooLarge: break;
  }
  return kExitConfig;
}

std::string plural(std::size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

void say_missing(const std::string& path) {
  say_error(fmt::format("no configuration at {}", path));
  say_fix(fmt::format("engine --config FILE, or write these two lines into {}:", path));
  say_line("            [routes]");
  say_line("            \"app.localhost\" = 3000");
}

}  // namespace

config::Result read_config(const RunOptions& options) {
  const config::Environment environment = config::Environment::process();
  const bool piped = options.config == "-";
  return piped ? config::load_text(read_stdin(), std::string(kStdinName), environment,
                                   options.overrides)
               : config::load(options.config, environment, options.overrides);
}

std::string usual_config_path() {
  const char* path = std::getenv("ENGINE_CONFIG");
  return path == nullptr || *path == '\0' ? RunOptions{}.config : path;
}

bool is_there(const std::string& path) {
  std::error_code none;
  return std::filesystem::exists(path, none);
}

int exit_code_of(const config::Result& result) {
  if (result.ok()) return kExitOk;
  // An error in the text counts more than a file that an include names in vain.
  int code = kExitOk;
  for (const config::Diagnostic& diagnostic : result.diagnostics) {
    if (diagnostic.severity != config::Severity::Error) continue;
    if (!is_about_file(diagnostic) && diagnostic.problem != Problem::Override) return kExitConfig;
    if (code == kExitOk) code = exit_code_of(diagnostic.problem);
  }
  return code;
}

void say_problems(const RunOptions& options, const config::Result& result) {
  const auto missing = std::ranges::find_if(result.diagnostics, [&](const auto& diagnostic) {
    return is_about_file(diagnostic) && diagnostic.problem == Problem::NotFound &&
           diagnostic.where.file == options.config;
  });
  if (missing != result.diagnostics.end()) return say_missing(options.config);

  for (const config::Diagnostic& diagnostic : result.diagnostics) {
    if (!is_about_file(diagnostic)) continue;
    say_error(fmt::format("{}: {}", diagnostic.where.file, diagnostic.message));
    if (!diagnostic.hint.empty()) say_fix(diagnostic.hint);
  }
  std::vector<config::Diagnostic> rest;
  std::ranges::remove_copy_if(result.diagnostics, std::back_inserter(rest), is_about_file);
  const auto color = may_style() ? config::Color::Always : config::Color::Never;
  const std::string text = config::render(rest, color);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

std::string contents_of(const config::Config& config) {
  return fmt::format("{}, {}", plural(config.sites.size(), "site"),
                     plural(config.listen.size(), "listener"));
}

}  // namespace engine::cli
