// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/verb_table.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "config/text.h"

namespace engine::cli {

CLI::App& VerbTable::add(const Verb& verb, Run run, Aliases aliases) {
  const std::vector<std::string_view> words = config::split(verb.name, ' ');
  CLI::App* parent = &root_;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    parent = parent->get_subcommand(std::string(words[i]));
  }
  CLI::App& app = *parent->add_subcommand(std::string(words.back()), std::string(verb.about));
  if (parent == &root_) app.group(std::string(verb.group));
  for (const char* alias : aliases) app.alias(alias);
  if (run == nullptr) {
    app.require_subcommand(1);
  } else {
    runs_.emplace(&app, std::move(run));
  }
  return app;
}

const CLI::App& VerbTable::given() const {
  const CLI::App* last = &root_;
  while (!last->get_subcommands().empty()) last = last->get_subcommands().front();
  return *last;
}

const CLI::App* VerbTable::find(std::string_view name) const {
  const CLI::App* place = &root_;
  for (const std::string_view word : config::split(name, ' ')) {
    const auto below = verbs_below(*place);
    const auto named = std::ranges::find_if(
        below, [&](const auto* v) { return v->check_name(std::string(word)); });
    if (named == below.end()) return nullptr;
    place = *named;
  }
  return place;
}

std::string full_name(const CLI::App& verb) {
  if (verb.get_parent() == nullptr) return verb.get_name();
  return full_name(*verb.get_parent()) + " " + verb.get_name();
}

std::vector<const CLI::App*> verbs_below(const CLI::App& place) {
  return place.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<std::string> names_below(const CLI::App& place) {
  std::vector<std::string> names;
  for (const CLI::App* verb : verbs_below(place)) {
    names.push_back(verb->get_name());
    names.insert(names.end(), verb->get_aliases().begin(), verb->get_aliases().end());
  }
  return names;
}

std::string flag_names(const CLI::Option& option) {
  std::string names = option.get_name(false, true);
  constexpr std::string_view kNo = "{false}";
  for (std::size_t at = names.find(kNo); at != names.npos; at = names.find(kNo)) {
    names.erase(at, kNo.size());
  }
  return names;
}

std::string summary_of(const CLI::App& verb) {
  const std::string about = verb.get_description();
  return about.substr(0, about.find('\n'));
}

}  // namespace engine::cli
