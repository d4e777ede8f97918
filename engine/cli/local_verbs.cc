// SPDX-License-Identifier: GPL-3.0-or-later
// `engine run`, `check`, `doctor`, `certs`, `trust`, `untrust`, `echo`: what needs no running engine.
#include <fmt/format.h>

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "config/environment.h"
#include "engine/cli/certs.h"
#include "engine/cli/check.h"
#include "engine/cli/doctor.h"
#include "engine/cli/echo.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/help.h"
#include "engine/cli/run_options.h"
#include "engine/cli/say.h"
#include "engine/cli/trust.h"
#include "engine/cli/verbs.h"
#include "engine/control/certificates.h"

namespace engine::cli {
namespace {

using config::Setting;

struct ServingFlag {
  Setting setting;
  const char* names;
  const char* type;
  const char* about;
};

// Each has a variable, too. ENGINE_ADMIN_TOKEN has no flag: everybody can read those.
constexpr std::array kServingFlags = {
    ServingFlag{Setting::ConfigPath, "-c,--config", "FILE",
                "The configuration (default: proxy.toml)"},
    ServingFlag{Setting::HttpPort, "--http-port", "N",
                "Listen on this port, instead of what the file says"},
    ServingFlag{Setting::HttpsPort, "--https-port", "N", "And on this one; every port takes TLS"},
    ServingFlag{Setting::Workers, "--workers", "N", "Threads that serve: auto or a number"},
    ServingFlag{Setting::LimitConcurrency, "--limit-concurrency", "N",
                "Requests in progress at once; 0: no limit"},
    ServingFlag{Setting::MaxConnections, "--max-connections", "N",
                "Connections open to one target at once; 0: no limit"},
    ServingFlag{Setting::MaxKeepalive, "--max-keepalive", "N",
                "Idle connections kept per target and worker"},
    ServingFlag{Setting::KeepaliveExpiry, "--keepalive-expiry", "TIME",
                "How long they are kept, such as 60s"},
    ServingFlag{Setting::Io, "--io", "KIND", "How to talk to the kernel: auto or uring"},
    ServingFlag{Setting::LogLevel, "--log-level", "LEVEL", "error, warn, info or debug"},
    ServingFlag{Setting::AccessLog, "--access-log", "WHERE", "off, stdout, stderr or a file"},
    ServingFlag{Setting::Grace, "--grace", "TIME",
                "How long a stop waits for running requests, such as 10s"},
    ServingFlag{Setting::StateDirectory, "--state-dir", "DIR", "What must survive a restart"},
    ServingFlag{Setting::Socket, "--socket", "PATH", "The control API's Unix socket"},
    ServingFlag{Setting::AdminHttp, "--admin-http", "ADDRESS",
                "The control API over TCP, such as 127.0.0.1:2020"},
    ServingFlag{Setting::AdminTokenFile, "--admin-token-file", "FILE",
                "What changes over TCP need is in this file"}};

// The words of one command line, before anything is made of them.
struct RunFlags {
  std::array<std::string, config::kSettingCount> values;  // by Setting
  std::vector<std::string> listen;
  bool json = false;

  [[nodiscard]] std::string& of(Setting setting) {
    return values[static_cast<std::size_t>(setting)];
  }
  [[nodiscard]] const std::string& of(Setting setting) const {
    return values[static_cast<std::size_t>(setting)];
  }
  [[nodiscard]] Output output() const { return json ? Output::Json : Output::Text; }
};

std::string long_name(const ServingFlag& flag) {
  const std::string_view names = flag.names;
  return std::string(names.substr(names.find("--")));
}

// The flags over the variables; the exit code when one of them is wrong.
std::optional<int> read_options(const RunFlags& flags, RunOptions& options) {
  const config::Environment environment = config::Environment::process();
  std::vector<config::Diagnostic> problems;
  config::Overrides overrides;
  const auto set = [&](Setting setting, const std::string& value, const std::string& origin) {
    if (value.empty()) return;
    auto problem = config::set_override(overrides, setting, value, origin, environment);
    if (problem) problems.push_back(std::move(*problem));
  };
  set(Setting::Listen, fmt::format("{}", fmt::join(flags.listen, ",")), "--listen");
  for (const ServingFlag& flag : kServingFlags)
    set(flag.setting, flags.of(flag.setting), long_name(flag));

  const auto variables = config::overrides_from_environment(environment, problems);
  for (const config::Diagnostic& problem : problems) {
    say_error(fmt::format("{}: {}", problem.where.file, problem.message));
    say_fix(problem.hint.empty() ? "engine help run" : problem.hint);
  }
  if (!problems.empty()) return kExitUsage;
  options.overrides = config::merge(overrides, variables);
  options.config = options.overrides.config_path.value_or(options.config);
  return std::nullopt;
}

int run_server(const RunFlags& flags, const Verbs& verbs) {
  RunOptions options;
  if (const auto failed = read_options(flags, options)) return *failed;
  return verbs.run(options);
}

int check(const RunFlags& flags) {
  RunOptions options;
  if (const auto failed = read_options(flags, options)) return *failed;
  return run_check(options, flags.output());
}

int doctor(const RunFlags& flags) {
  RunOptions options;
  if (const auto failed = read_options(flags, options)) return *failed;
  return run_doctor(options, flags.output());
}

int certs(const RunFlags& flags) {
  RunOptions options;
  if (const auto failed = read_options(flags, options)) return *failed;
  return run_certs(options, control::state_directory(), flags.output());
}

void add_run_flags(CLI::App& app, RunFlags& flags) {
  app.add_option("--listen", flags.listen, "Listen here instead of what the file says; repeatable")
      ->type_name("ADDRESS")
      ->expected(1)
      ->take_all();
  for (const ServingFlag& flag : kServingFlags)
    app.add_option(flag.names, flags.of(flag.setting), flag.about)->type_name(flag.type);
}

void add_file_verb(VerbTable& table, const VerbTable::Verb& verb, int (*run)(const RunFlags&),
                   const std::string& json) {
  const auto flags = std::make_shared<RunFlags>();
  CLI::App& app = table.add(verb, [=] { return run(*flags); });
  app.add_option("-c,--config", flags->of(Setting::ConfigPath),
                 "The file; - is stdin (default: proxy.toml)")
      ->type_name("FILE");
  app.add_flag("--json", flags->json, json);
}

void add_echo(VerbTable& table) {
  const auto options = std::make_shared<EchoOptions>();
  CLI::App& echo =
      table.add({"echo", kGroupServer, kAboutEcho}, [=] { return run_echo(*options); });
  echo.add_option("--port", options->port, "The port (default: 3000); 0 picks a free one")
      ->type_name("N");
  echo.add_option("--host", options->host, "The address (default: 127.0.0.1 and ::1)")
      ->type_name("IP");
  echo.add_option("--unix", options->unix_path, "A Unix socket instead")->type_name("PATH");
  echo.add_flag("--quiet", options->quiet, "Say the address and nothing else");
}

}  // namespace

void add_local_verbs(VerbTable& table, CLI::App& root, const Verbs& verbs) {
  // One set of words: flags before `run` count as much as those behind it.
  const auto flags = std::make_shared<RunFlags>();
  const auto serve = [flags, &verbs] { return run_server(*flags, verbs); };
  table.set_root(serve);
  add_run_flags(root, *flags);
  add_run_flags(table.add({"run", kGroupServer, kAboutRun}, serve), *flags);
  add_file_verb(table, {"check", kGroupServer, kAboutCheck}, check,
                "For programs: one JSON object on stdout");
  add_file_verb(table, {"doctor", kGroupServer, kAboutDoctor}, doctor,
                "For programs: one JSON object on stdout");
  add_file_verb(table, {"certs", kGroupServer, kAboutCerts}, certs,
                "For programs: one JSON array on stdout");
  table.add({"trust", kGroupServer, kAboutTrust}, [] { return run_trust(this_machine()); });
  table.add({"untrust", kGroupServer, kAboutUntrust}, [] { return run_untrust(this_machine()); });
  add_echo(table);
}

}  // namespace engine::cli
