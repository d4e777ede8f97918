// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "config/suggest.h"
#include "engine/cli/certs.h"
#include "engine/cli/check.h"
#include "engine/cli/echo.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/help.h"
#include "engine/cli/say.h"
#include "engine/cli/trust.h"
#include "engine/control/certificates.h"

namespace engine::cli {
namespace {

// The words of one command line, before anything is made of them.
struct Words {
  std::string config;
  std::vector<std::string> listen;
  std::string workers;
  std::string io;
  std::string log_level;
  std::string access_log;
  std::string grace;
  bool json = false;
  bool version = false;
  bool verbose = false;
  std::string help_about;
  EchoOptions echo;
};

int refuse(std::string_view kind, const std::string& word, const std::vector<std::string>& known,
           const std::string& otherwise) {
  const std::vector<std::string_view> views(known.begin(), known.end());
  const std::string_view meant = config::nearest(word, views);
  say_error(fmt::format("unknown {} \"{}\"", kind, word));
  say_fix(meant.empty() ? otherwise : fmt::format("did you mean \"{}\"?", meant));
  return kExitUsage;
}

// The list of verbs shows what each is for; the rest of its text is for its own page.
class FirstLines : public CLI::Formatter {
 public:
  std::string make_subcommand(const CLI::App* verb) const override {
    std::ostringstream line;
    const std::string about = verb->get_description();
    CLI::detail::format_help(line, verb->get_name(), about.substr(0, about.find('\n')),
                             get_column_width());
    return line.str();
  }
};

class CommandLine {
 public:
  explicit CommandLine(const Verbs& verbs);

  int run(int argc, char** argv);

 private:
  void add_run_flags(CLI::App& app);
  void add_run();
  void add_check();
  void add_certs();
  void add_trust();
  void add_echo();
  void add_version();
  void add_help();

  int dispatch();
  [[nodiscard]] int refuse_unknown(const std::string& word) const;
  [[nodiscard]] int refuse_verb(const std::string& word) const;
  [[nodiscard]] std::string help_about(const CLI::App& app) const;
  [[nodiscard]] const CLI::App* verb() const;
  // The flags over the variables; the exit code when one of them is wrong.
  std::optional<int> read_options(RunOptions& options) const;
  int run_server() const;
  int check() const;
  int certs() const;
  int help() const;
  int print_version() const;

  const Verbs& verbs_;
  Words words_;
  CLI::App app_{std::string(kAbout), "engine"};
};

CommandLine::CommandLine(const Verbs& verbs) : verbs_(verbs) {
  app_.allow_extras();  // unknown words are refused in our own words; subcommands inherit this
  app_.set_help_flag("-h,--help", "Say this");
  app_.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app_.require_subcommand(0, 1);
  app_.formatter(std::make_shared<FirstLines>());
  add_run_flags(app_);
  CLI::Option* version = app_.add_flag("--version", words_.version, "Say which version this is");
  app_.add_flag("--verbose", words_.verbose, "With --version: and how it was built")
      ->needs(version);
  add_run();
  add_check();
  add_certs();
  add_trust();
  add_echo();
  add_version();
  add_help();
}

void CommandLine::add_run_flags(CLI::App& app) {
  app.add_option("-c,--config", words_.config, "The configuration (default: proxy.toml)")
      ->type_name("FILE");
  app.add_option("--listen", words_.listen, "Listen here instead of what the file says; repeatable")
      ->type_name("ADDRESS")
      ->expected(1)
      ->take_all();
  app.add_option("--workers", words_.workers, "Threads that serve: auto or a number")
      ->type_name("N");
  app.add_option("--io", words_.io, "How to talk to the kernel: auto or uring")->type_name("KIND");
  app.add_option("--log-level", words_.log_level, "error, warn, info or debug")->type_name("LEVEL");
  app.add_option("--access-log", words_.access_log, "off, stdout, stderr or a file")
      ->type_name("WHERE");
  app.add_option("--grace", words_.grace, "How long a stop waits for running requests, such as 10s")
      ->type_name("TIME");
}

void CommandLine::add_run() { add_run_flags(*app_.add_subcommand("run", std::string(kAboutRun))); }

void CommandLine::add_check() {
  CLI::App& check = *app_.add_subcommand("check", std::string(kAboutCheck));
  check.add_option("-c,--config", words_.config, "The file; - is stdin (default: proxy.toml)")
      ->type_name("FILE");
  check.add_flag("--json", words_.json, "For programs: one JSON object on stdout");
}

void CommandLine::add_certs() {
  CLI::App& certs = *app_.add_subcommand("certs", std::string(kAboutCerts));
  certs.add_option("-c,--config", words_.config, "The file; - is stdin (default: proxy.toml)")
      ->type_name("FILE");
  certs.add_flag("--json", words_.json, "For programs: one JSON array on stdout");
}

void CommandLine::add_trust() {
  app_.add_subcommand("trust", std::string(kAboutTrust));
  app_.add_subcommand("untrust", std::string(kAboutUntrust));
}

void CommandLine::add_echo() {
  CLI::App& echo = *app_.add_subcommand("echo", std::string(kAboutEcho));
  EchoOptions& options = words_.echo;
  echo.add_option("--port", options.port, "The port (default: 3000); 0 picks a free one")
      ->type_name("N");
  echo.add_option("--host", options.host, "The address (default: 127.0.0.1 and ::1)")
      ->type_name("IP");
  echo.add_option("--unix", options.unix_path, "A Unix socket instead")->type_name("PATH");
  echo.add_flag("--quiet", options.quiet, "Say the address and nothing else");
}

void CommandLine::add_version() {
  CLI::App& version = *app_.add_subcommand("version", std::string(kAboutVersion));
  version.add_flag("--verbose", words_.verbose, "And how it was built");
}

void CommandLine::add_help() {
  CLI::App& help = *app_.add_subcommand("help", std::string(kAboutHelp));
  help.add_option("verb", words_.help_about, "The verb")->type_name("");
}

int CommandLine::run(int argc, char** argv) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(help_about(verb() == nullptr ? app_ : *verb()).c_str(), stdout);
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    // A word that nobody knows is the likelier reason than what the parser made of the rest.
    if (const auto unknown = app_.remaining(true); !unknown.empty()) {
      return refuse_unknown(unknown.front());
    }
    say_error(error.what());
    say_fix(verb() == nullptr ? "engine help" : "engine help " + verb()->get_name());
    return kExitUsage;
  }
  if (const auto unknown = app_.remaining(true); !unknown.empty()) {
    return refuse_unknown(unknown.front());
  }
  return dispatch();
}

int CommandLine::dispatch() {
  if (words_.version) return print_version();
  const std::string name = verb() == nullptr ? "run" : verb()->get_name();
  if (name == "check") return check();
  if (name == "certs") return certs();
  if (name == "trust") return run_trust(this_machine());
  if (name == "untrust") return run_untrust(this_machine());
  if (name == "echo") return run_echo(words_.echo);
  if (name == "version") return print_version();
  if (name == "help") return help();
  return run_server();
}

const CLI::App* CommandLine::verb() const {
  const auto given = app_.get_subcommands();
  return given.empty() ? nullptr : given.front();
}

std::string CommandLine::help_about(const CLI::App& app) const {
  // Not App::help(): that of the root goes to the verb that was given.
  const std::string name = &app == &app_ ? "engine" : "engine " + app.get_name();
  return app.get_formatter()->make_help(&app, name, CLI::AppFormatMode::Normal);
}

int CommandLine::refuse_unknown(const std::string& word) const {
  if (verb() == nullptr && !word.starts_with('-')) return refuse_verb(word);
  const CLI::App& place = verb() == nullptr ? app_ : *verb();
  const std::string help = verb() == nullptr ? "engine help" : "engine help " + place.get_name();
  if (!word.starts_with('-')) {
    say_error(fmt::format("unexpected word \"{}\"", word));
    say_fix(help);
    return kExitUsage;
  }
  std::vector<std::string> flags;
  for (const CLI::Option* option : place.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return refuse("flag", word.substr(0, word.find('=')), flags, help);
}

int CommandLine::refuse_verb(const std::string& word) const {
  std::vector<std::string> verbs;
  for (const CLI::App* known : app_.get_subcommands({})) verbs.push_back(known->get_name());
  return refuse("verb", word, verbs, "engine help");
}

std::optional<int> CommandLine::read_options(RunOptions& options) const {
  using config::Setting;
  std::vector<config::Diagnostic> problems;
  config::Overrides flags;
  const auto set = [&](Setting setting, const std::string& value, const std::string& origin) {
    if (value.empty()) return;
    auto problem = config::set_override(flags, setting, value, origin);
    if (problem) problems.push_back(std::move(*problem));
  };
  set(Setting::ConfigPath, words_.config, "--config");
  set(Setting::Listen, fmt::format("{}", fmt::join(words_.listen, ",")), "--listen");
  set(Setting::Workers, words_.workers, "--workers");
  set(Setting::Io, words_.io, "--io");
  set(Setting::LogLevel, words_.log_level, "--log-level");
  set(Setting::AccessLog, words_.access_log, "--access-log");
  set(Setting::Grace, words_.grace, "--grace");

  const auto variables =
      config::overrides_from_environment(config::Environment::process(), problems);
  for (const config::Diagnostic& problem : problems) {
    say_error(fmt::format("{}: {}", problem.where.file, problem.message));
    say_fix(problem.hint.empty() ? "engine help run" : problem.hint);
  }
  if (!problems.empty()) return kExitUsage;
  options.overrides = config::merge(flags, variables);
  options.config = options.overrides.config_path.value_or(options.config);
  return std::nullopt;
}

int CommandLine::run_server() const {
  RunOptions options;
  if (const auto failed = read_options(options)) return *failed;
  return verbs_.run(options);
}

int CommandLine::check() const {
  RunOptions options;
  if (const auto failed = read_options(options)) return *failed;
  return run_check(options, words_.json ? Output::Json : Output::Text);
}

int CommandLine::certs() const {
  RunOptions options;
  if (const auto failed = read_options(options)) return *failed;
  return run_certs(options, control::state_directory(), words_.json ? Output::Json : Output::Text);
}

int CommandLine::help() const {
  if (words_.help_about.empty()) {
    std::fputs(help_about(app_).c_str(), stdout);
    return kExitOk;
  }
  const auto named = [this](const CLI::App* known) {
    return known->get_name() == words_.help_about;
  };
  const auto about = app_.get_subcommands(named);
  if (about.empty()) return refuse_verb(words_.help_about);
  std::fputs(help_about(*about.front()).c_str(), stdout);
  return kExitOk;
}

int CommandLine::print_version() const {
  const std::string text = verbs_.version(words_.verbose);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!text.ends_with('\n')) std::fputc('\n', stdout);
  return kExitOk;
}

}  // namespace

int run_command_line(int argc, char** argv, const Verbs& verbs) {
  return CommandLine(verbs).run(argc, argv);
}

}  // namespace engine::cli
