// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/man_page.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "config/text.h"
#include "engine/cli/verb_table.h"

namespace engine::cli {
namespace {

// Text that is no request and whose dashes can be copied into a shell.
std::string escaped(std::string_view text) {
  std::string out = text.starts_with('.') || text.starts_with('\'') ? "\\&" : "";
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

// What is indented is shown as it is; the rest is filled.
std::string paragraphs(std::string_view about) {
  std::string page;
  bool verbatim = false;
  for (const std::string_view line : config::split(config::trim(about), '\n')) {
    const bool indented = line.starts_with("  ");
    if (indented && !verbatim) page += ".nf\n";
    if (!indented && verbatim) page += ".fi\n";
    verbatim = indented;
    page += line.empty() ? ".PP\n" : escaped(line) + "\n";
  }
  return page + (verbatim ? ".fi\n" : "");
}

std::string options(const CLI::App& verb) {
  std::string page;
  for (const CLI::Option* option : verb.get_options()) {
    if (option == verb.get_help_ptr()) continue;
    const bool is_flag = option->get_items_expected_max() == 0;
    const std::string type = is_flag || !option->nonpositional() ? "" : option->get_type_name();
    page += fmt::format(".TP\n\\fB{}\\fR{}\n{}\n",
                        escaped(option->nonpositional() ? flag_names(*option) : option->get_name()),
                        type.empty() ? "" : " \\fI" + escaped(type) + "\\fR",
                        escaped(option->get_description()));
  }
  return page;
}

std::string synopsis(const CLI::App& verb) {
  std::string line = full_name(verb);
  for (const CLI::Option* option : verb.get_options()) {
    if (option->nonpositional()) continue;
    line += option->get_required() ? " " + option->get_name() : " [" + option->get_name() + "]";
  }
  for (const std::string& alias : verb.get_aliases()) line += ", " + alias;
  return line;
}

std::string section(const CLI::App& verb) {
  std::string page;
  if (verbs_below(verb).empty()) {
    page = fmt::format(".SS {}\n{}{}", escaped(synopsis(verb)), paragraphs(verb.get_description()),
                       options(verb));
  }
  for (const CLI::App* below : verbs_below(verb)) page += section(*below);
  return page;
}

}  // namespace

std::string man_page(const CLI::App& root) {
  const std::string about = summary_of(root);
  const std::size_t colon = about.find(": ");
  std::string page = fmt::format(
      ".TH ENGINE 1\n.SH NAME\nengine \\- {}\n.SH SYNOPSIS\n\\fBengine\\fR [\\fIverb\\fR] "
      "[\\fIoptions\\fR]\n.SH DESCRIPTION\n{}.SH OPTIONS\n{}.SH VERBS\n",
      escaped(colon == about.npos ? about : about.substr(colon + 2)),
      paragraphs(root.get_description()), options(root));
  for (const CLI::App* verb : verbs_below(root)) page += section(*verb);
  return page;
}

}  // namespace engine::cli
