// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/completion.h"

#include <fmt/format.h>

#include <functional>
#include <vector>

#include "engine/cli/verb_table.h"

namespace engine::cli {
namespace {

using Place = std::function<void(const CLI::App& place, const std::string& path)>;

// Every verb under every one of its names. `path` has a space before each word: " rollout stop".
void for_each_place(const CLI::App& place, const std::string& path, const Place& see) {
  see(place, path);
  for (const CLI::App* verb : verbs_below(place)) {
    for_each_place(*verb, path + " " + verb->get_name(), see);
    for (const std::string& alias : verb->get_aliases()) {
      for_each_place(*verb, path + " " + alias, see);
    }
  }
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() != 0; }

bool takes_file(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type == "FILE" || type == "PATH" || type == "DIR" || type == "WHERE";
}

std::vector<const CLI::Option*> flags_of(const CLI::App& place) {
  return place.get_options([](const CLI::Option* option) { return option->nonpositional(); });
}

std::vector<std::string> dashed_names(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  return names;
}

// `help` takes what can stand in its own place.
std::vector<std::string> words_at(const CLI::App& place) {
  const CLI::App* parent = place.get_parent();
  return names_below(place.get_name() == "help" && parent != nullptr ? *parent : place);
}

// The paths of verbs that have some below them, or could be completed further.
std::string paths_of(const CLI::App& root) {
  std::string paths;
  for_each_place(root, "", [&](const CLI::App&, const std::string& path) {
    if (!path.empty()) paths += (paths.empty() ? "'" : " | '") + path + "'";
  });
  return paths;
}

std::string file_flags(const CLI::App& root) {
  std::string flags;
  for_each_place(root, "", [&](const CLI::App& place, const std::string&) {
    for (const CLI::Option* option : flags_of(place)) {
      if (!takes_file(*option)) continue;
      for (const std::string& name : dashed_names(*option)) {
        if (!fmt::format("|{}|", flags).contains("|" + name + "|")) {
          flags += (flags.empty() ? "" : "|") + name;
        }
      }
    }
  });
  return flags;
}

// In single quotes, for a shell.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

std::string bash_completion(const CLI::App& root) {
  std::string cases;
  for_each_place(root, "", [&](const CLI::App& place, const std::string& path) {
    std::vector<std::string> words = words_at(place);
    for (const CLI::Option* option : flags_of(place)) {
      for (std::string& name : dashed_names(*option)) words.push_back(std::move(name));
    }
    cases += fmt::format("    '{}') words='{}' ;;\n", path, fmt::join(words, " "));
  });
  return fmt::format(R"(# bash completion of engine: source <(engine completion bash)
_engine() {{
  local path='' words='' word current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$path $word" in {}) path="$path $word" ;; esac
  done
  case "$previous" in {}) COMPREPLY=($(compgen -f -- "$current")); return ;; esac
  case "$path" in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o filenames -F _engine engine
)",
                     paths_of(root), file_flags(root), cases);
}

std::string zsh_completion(const CLI::App& root) {
  std::string cases;
  for_each_place(root, "", [&](const CLI::App& place, const std::string& path) {
    const bool is_help = place.get_name() == "help" && place.get_parent() != nullptr;
    cases += fmt::format("    '{}') items=(", path);
    for (const CLI::App* verb : verbs_below(is_help ? *place.get_parent() : place)) {
      cases += fmt::format("\n      {}", quoted(verb->get_name() + ":" + summary_of(*verb)));
    }
    for (const CLI::Option* option : flags_of(place)) {
      for (const std::string& name : dashed_names(*option)) {
        cases += fmt::format("\n      {}", quoted(name + ":" + option->get_description()));
      }
    }
    cases += ") ;;\n";
  });
  return fmt::format(R"(#compdef engine
# zsh completion of engine: source <(engine completion zsh)
_engine() {{
  local path_of='' word
  local -a items
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "$path_of $word" in {}) path_of="$path_of $word" ;; esac
  done
  case "${{words[CURRENT-1]}}" in {}) _files; return ;; esac
  case "$path_of" in
{}  esac
  _describe engine items
}}
if [ "$funcstack[1]" = _engine ]; then _engine; else compdef _engine engine; fi
)",
                     paths_of(root), file_flags(root), cases);
}

std::string fish_completion(const CLI::App& root) {
  std::string paths;
  std::string lines;
  for_each_place(root, "", [&](const CLI::App& place, const std::string& path) {
    if (!path.empty()) paths += fmt::format(" '{}'", path);
    const std::string at = fmt::format("complete -c engine -n \"__engine_at '{}'\"", path);
    const bool is_help = place.get_name() == "help" && place.get_parent() != nullptr;
    for (const CLI::App* verb : verbs_below(is_help ? *place.get_parent() : place)) {
      lines += fmt::format("{} -a {} -d {}\n", at, verb->get_name(), quoted(summary_of(*verb)));
    }
    for (const CLI::Option* option : flags_of(place)) {
      lines += at;
      for (const std::string& name : option->get_lnames()) lines += " -l " + name;
      for (const std::string& name : option->get_snames()) lines += " -s " + name;
      if (takes_value(*option)) lines += takes_file(*option) ? " -r -F" : " -x";
      lines += fmt::format(" -d {}\n", quoted(option->get_description()));
    }
  });
  return fmt::format(R"(# fish completion of engine: engine completion fish | source
function __engine_at
  set -l path ''
  set -l words (commandline -opc)
  set -e words[1]
  for word in $words
    switch "$path $word"
      case{}
        set path "$path $word"
    end
  end
  test "$path" = "$argv[1]"
end
complete -c engine -f
{})",
                     paths, lines);
}

}  // namespace engine::cli
