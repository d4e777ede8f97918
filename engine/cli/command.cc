// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "config/suggest.h"
#include "engine/cli/deploy_options.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/help.h"
#include "engine/cli/say.h"
#include "engine/cli/terminal.h"
#include "engine/cli/verb_table.h"
#include "engine/cli/verbs.h"

namespace engine::cli {
namespace {

int refuse(std::string_view kind, const std::string& word, const std::vector<std::string>& known,
           const std::string& otherwise) {
  const std::vector<std::string_view> views(known.begin(), known.end());
  const std::string_view meant = config::nearest(word, views);
  say_error(fmt::format("unknown {} \"{}\"", kind, word));
  say_fix(meant.empty() ? otherwise : fmt::format("did you mean \"{}\"?", meant));
  return kExitUsage;
}

std::string without_value(const std::string& flag) { return flag.substr(0, flag.find('=')); }

// "engine help rollout stop"
std::string help_command(const CLI::App& place) {
  return "engine help" + full_name(place).substr(std::string_view("engine").size());
}

// The list of verbs shows what each is for; the rest of its text is for its own page.
class FirstLines : public CLI::Formatter {
 public:
  std::string make_subcommand(const CLI::App* verb) const override {
    std::ostringstream line;
    std::string names = verb->get_name();
    for (const std::string& alias : verb->get_aliases()) names += ", " + alias;
    CLI::detail::format_help(line, names, summary_of(*verb), get_column_width());
    return line.str();
  }
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    return is_positional ? option->get_name(true, false) : flag_names(*option);
  }
};

class CommandLine {
 public:
  explicit CommandLine(const Verbs& verbs);

  int run(int argc, char** argv);

 private:
  void add_version();
  void add_help();

  [[nodiscard]] int refuse_unknown(const std::vector<std::string>& words) const;
  [[nodiscard]] static int refuse_word(const CLI::App& place, const std::string& word);
  [[nodiscard]] static int refuse_flag(const CLI::App& place,
                                       const std::vector<std::string>& words);
  [[nodiscard]] static std::string help_about(const CLI::App& verb);
  [[nodiscard]] int help() const;
  [[nodiscard]] int print_version() const;

  const Verbs& verbs_;
  bool version_ = false;
  bool verbose_ = false;
  std::vector<std::string> help_about_;
  CLI::App app_{std::string(kAbout), "engine"};
  VerbTable table_{app_};
};

CommandLine::CommandLine(const Verbs& verbs) : verbs_(verbs) {
  app_.allow_extras();  // unknown words are refused in our own words; subcommands inherit this
  app_.set_help_flag("-h,--help", "Say this");
  app_.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app_.require_subcommand(0, 1);
  app_.formatter(std::make_shared<FirstLines>());
  add_local_verbs(table_, app_, verbs);
  CLI::Option* version = app_.add_flag("--version", version_, "Say which version this is");
  app_.add_flag("--verbose", verbose_, "With --version: and how it was built")->needs(version);
  add_deploy_verbs(table_);
  add_service_verbs(table_);
  add_route_verbs(table_);
  add_target_verbs(table_);
  add_status_verbs(table_);
  add_live_verbs(table_);
  add_config_verbs(table_);
  add_version();
  add_help();
  add_shell_verbs(table_);
}

void CommandLine::add_version() {
  CLI::App& version =
      table_.add({"version", kGroupProgram, kAboutVersion}, [this] { return print_version(); });
  version.add_flag("--verbose", verbose_, "And how it was built");
}

void CommandLine::add_help() {
  CLI::App& help = table_.add({"help", kGroupProgram, kAboutHelp}, [this] { return this->help(); });
  help.add_option("VERB", help_about_, "The verb")->type_name("");
}

int CommandLine::run(int argc, char** argv) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    print(help_about(table_.given()));
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    // A word that nobody knows is the likelier reason than what the parser made of the rest.
    if (const auto unknown = app_.remaining(true); !unknown.empty()) return refuse_unknown(unknown);
    const CLI::App& place = table_.given();
    say_error(verbs_below(place).empty() || &place == &app_
                  ? error.what()
                  : fmt::format("{} needs another word: {}", full_name(place),
                                fmt::join(names_below(place), ", ")));
    say_fix(help_command(place));
    return kExitUsage;
  }
  if (const auto unknown = app_.remaining(true); !unknown.empty()) return refuse_unknown(unknown);
  return version_ ? print_version() : table_.run(table_.given());
}

std::string CommandLine::help_about(const CLI::App& verb) {
  // Not App::help(): that of the root goes to the verb that was given.
  return verb.get_formatter()->make_help(&verb, full_name(verb), CLI::AppFormatMode::Normal);
}

int CommandLine::refuse_unknown(const std::vector<std::string>& words) const {
  const CLI::App& place = table_.given();
  const std::string& word = words.front();
  return word.starts_with('-') ? refuse_flag(place, words) : refuse_word(place, word);
}

int CommandLine::refuse_word(const CLI::App& place, const std::string& word) {
  if (!verbs_below(place).empty()) {
    return refuse("verb", word, names_below(place), help_command(place));
  }
  say_error(fmt::format("unexpected word \"{}\"", word));
  say_fix(help_command(place));
  return kExitUsage;
}

int CommandLine::refuse_flag(const CLI::App& place, const std::vector<std::string>& words) {
  // All flags of another proxy at once: who comes from there has many of them.
  bool foreign = false;
  for (const std::string& word : words) {
    const std::string_view instead = instead_of(without_value(word));
    if (place.get_name() != "deploy" || instead.empty()) continue;
    say_error(fmt::format("engine has no {}", without_value(word)));
    say_fix(instead);
    foreign = true;
  }
  if (foreign) return kExitUsage;
  std::vector<std::string> flags;
  for (const CLI::Option* option : place.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return refuse("flag", without_value(words.front()), flags, help_command(place));
}

int CommandLine::help() const {
  const std::string name = fmt::format("{}", fmt::join(help_about_, " "));
  const CLI::App* verb = name.empty() ? &app_ : table_.find(name);
  if (verb == nullptr) return refuse_word(app_, name);
  print(help_about(*verb));
  return kExitOk;
}

int CommandLine::print_version() const {
  print(verbs_.version(verbose_));
  return kExitOk;
}

}  // namespace

int run_command_line(int argc, char** argv, const Verbs& verbs) {
  return CommandLine(verbs).run(argc, argv);
}

}  // namespace engine::cli
