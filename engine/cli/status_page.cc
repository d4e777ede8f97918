// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/status_page.h"

#include <fmt/format.h>

#include "engine/cli/terminal.h"
#include "engine/cli/when.h"

namespace engine::cli {
namespace {

constexpr std::size_t kLabelWidth = 12;

std::string labelled(std::string_view label, const std::string& text) {
  return fmt::format("{:{}} {}\n", label, kLabelWidth, printable(text));
}

// "5: 4 running, 1 paused", without what there is none of.
std::string counts(const Json& all, std::initializer_list<const char*> kinds) {
  std::string text = std::to_string(number_in(all, "total"));
  const char* separator = ": ";
  for (const char* kind : kinds) {
    const std::int64_t count = number_in(all, kind);
    if (count == 0) continue;
    text += fmt::format("{}{} {}", separator, count, kind);
    separator = ", ";
  }
  return text;
}

std::string config_text(const Json& config) {
  std::string text = text_in(config, "path");
  if (!is_true(config, "ok"))
    return text + ": " + text_in(config, "problem") + ", an older one is in force";
  const std::int64_t warnings = number_in(config, "warnings");
  text += ": ok";
  if (warnings != 0) text += fmt::format(", {} warning{}", warnings, warnings == 1 ? "" : "s");
  return text;
}

}  // namespace

std::string status_page(const Json& status) {
  std::string page = labelled(
      "engine",
      fmt::format("{}, pid {}, up {}{}", text_in(status, "version"), number_in(status, "pid"),
                  span_text(static_cast<std::int64_t>(seconds_in(status, "uptime_seconds"))),
                  is_true(status, "draining") ? ", stopping" : ""));
  page +=
      labelled("generation", fmt::format("{}, in force since {}", number_in(status, "generation"),
                                         shown_time(text_in(status, "loaded"))));
  page += labelled("config", config_text(field(status, "config")));
  page += labelled("listening", fmt::format("{}", fmt::join(texts_in(status, "listeners"), ", ")));
  page += labelled("workers", std::to_string(number_in(status, "workers")));
  page += labelled("connections", std::to_string(number_in(status, "connections_open")));
  page += labelled("requests", std::to_string(number_in(status, "requests_total")));
  page += labelled("sites", std::to_string(number_in(status, "sites")));
  page += labelled("services", counts(field(status, "services"), {"running", "paused", "stopped"}));
  page += labelled("targets", counts(field(status, "targets"), {"up", "down"}));
  const Json& expiry = field(status, "soonest_expiry");
  if (expiry.is_object()) {
    page += labelled("certificate",
                     fmt::format("{} ends {}", fmt::join(texts_in(expiry, "names"), ", "),
                                 shown_time(text_in(expiry, "not_after"))));
  }
  for (const std::string& warning : texts_in(status, "warnings"))
    page += labelled("warning", warning);
  return page;
}

std::string event_line(const Json& event) {
  std::string line = text_in(event, "at") + " " + text_in(event, "event");
  if (!event.is_object()) return line;
  for (const auto& [name, value] : event.items()) {
    if (name == "at" || name == "event") continue;
    const std::string text = value.is_string() ? value.get<std::string>() : json_line(value);
    line += fmt::format(" {}={}", name, text.contains(' ') ? json_line(value) : text);
  }
  return printable(line);
}

Table history_table(const Json& answer) {
  Table table({"GENERATION", "SINCE", "REASON", "SITES"});
  for (const Json& one : list_in(answer, "generations")) {
    table.add({std::to_string(number_in(one, "generation")), shown_time(text_in(one, "at")),
               text_in(one, "reason"), std::to_string(number_in(one, "sites"))});
  }
  return table;
}

std::string changes_page(const Json& reload) {
  constexpr struct {
    const char* field;
    std::string_view mark;
  } kKinds[] = {{"added", "+ "},
                {"changed", "~ "},
                {"removed", "- "},
                {"settings", "~ setting "},
                {"needs_restart", "! waits for a restart: "}};
  std::string page;
  for (const auto& kind : kKinds) {
    for (const std::string& name : texts_in(reload, kind.field)) {
      page += fmt::format("{}{}\n", kind.mark, printable(name));
    }
  }
  if (!texts_in(reload, "needs_restart").empty()) {
    page += "  a new process has it without downtime: engine upgrade\n";
  }
  return page;
}

}  // namespace engine::cli
