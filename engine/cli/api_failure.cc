// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/api_failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "config/diagnostic.h"
#include "config/suggest.h"
#include "engine/cli/say.h"

namespace engine::cli {
namespace {

constexpr std::size_t kKnownShown = 8;

int exit_code_of(int status, const Json& problem) {
  switch (status) {
    case 422: return field(problem, "diagnostics").is_array() ? kExitConfig : kExitUsage;
    case 400:
    case 413:
    case 415: return kExitUsage;
    case 401:
    case 403: return kExitPermission;
    case 404: return kExitNotFound;
    case 409:
    case 412: return kExitConflict;
    case 408:
    case 504: return kExitTimeout;
    default: return kExitFailed;
  }
}

std::string sentence_of(int status, const Json& problem) {
  std::string sentence = text_in(problem, "detail");
  if (sentence.empty()) sentence = text_in(problem, "title");
  if (sentence.empty()) sentence = fmt::format("the engine answered with status {}", status);
  const std::string where = text_in(problem, "field");
  return where.empty() ? sentence : where + ": " + sentence;
}

std::string known_text(const std::vector<std::string>& known, std::string_view subject) {
  const std::vector<std::string_view> views(known.begin(), known.end());
  if (const std::string_view meant = config::nearest(subject, views); !meant.empty()) {
    return fmt::format("did you mean \"{}\"?", meant);
  }
  const std::size_t shown = std::min(known.size(), kKnownShown);
  std::string list =
      fmt::format("there is {}", fmt::join(known.begin(), known.begin() + shown, ", "));
  if (shown < known.size()) list += fmt::format(" and {} more", known.size() - shown);
  return list;
}

config::Diagnostic diagnostic_of(const Json& json) {
  const auto place = [&](const char* name) {
    return static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(number_in(json, name), 0, INT32_MAX));
  };
  config::Diagnostic diagnostic;
  diagnostic.severity =
      text_in(json, "severity") == "warning" ? config::Severity::Warning : config::Severity::Error;
  diagnostic.where.file = text_in(json, "file");
  diagnostic.where.line = place("line");
  diagnostic.where.column = place("column");
  diagnostic.message = text_in(json, "message");
  diagnostic.hint = text_in(json, "hint");
  return diagnostic;
}

}  // namespace

ApiFailure failure_of(int status, std::string_view body, std::string_view subject) {
  ApiFailure failure{.status = status, .problem = parse_json(body)};
  failure.exit_code = exit_code_of(status, failure.problem);
  failure.error = sentence_of(status, failure.problem);
  failure.fix = text_in(failure.problem, "hint");
  if (const std::string owner = text_in(failure.problem, "owner"); !owner.empty()) {
    failure.cause = "it belongs to " + owner;
  }
  if (const auto known = texts_in(failure.problem, "known");
      failure.fix.empty() && !known.empty()) {
    failure.fix = known_text(known, subject);
  }
  return failure;
}

ApiFailure interrupted() { return {.exit_code = kExitInterrupted}; }

int say_failure(const ApiFailure& failure) {
  if (failure.error.empty()) return failure.exit_code;
  say_diagnostics(field(failure.problem, "diagnostics"));
  say_error(failure.error);
  if (!failure.cause.empty()) say_cause(failure.cause);
  if (!failure.fix.empty()) say_fix(failure.fix);
  return failure.exit_code;
}

void say_diagnostics(const Json& diagnostics) {
  std::vector<config::Diagnostic> all;
  if (diagnostics.is_array()) {
    std::ranges::transform(diagnostics, std::back_inserter(all), diagnostic_of);
  }
  const auto color = may_style() ? config::Color::Always : config::Color::Never;
  const std::string page = config::render(all, color);
  std::fwrite(page.data(), 1, page.size(), stderr);
}

}  // namespace engine::cli
