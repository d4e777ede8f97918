// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/client_verb.h"

#include <unistd.h>

#include "config/environment.h"
#include "config/load.h"
#include "config/units.h"
#include "engine/cli/config_file.h"
#include "engine/cli/say.h"
#include "engine/cli/terminal.h"
#include "engine/control/admin_socket.h"
#include "engine/control/certificates.h"

namespace engine::cli {
namespace {

constexpr config::Milliseconds kRedrawPause{1'000};
constexpr config::Milliseconds kSlack{15'000};

std::string page_of(const ClientFlags& flags, const std::string& body, const Page& page) {
  const Json answer = parse_json(body);
  if (!flags.json) return page(answer);
  return flags.watch ? json_line(answer) : json_page(answer);
}

}  // namespace

void add_socket_flag(CLI::App& verb, ClientFlags& flags) {
  verb.add_option("--socket", flags.socket, "The engine's socket (also: ENGINE_SOCKET)")
      ->type_name("PATH");
}

void add_read_flags(CLI::App& verb, ClientFlags& flags) {
  add_socket_flag(verb, flags);
  verb.add_flag("--json", flags.json, "For programs: JSON on stdout");
}

void add_watch_flags(CLI::App& verb, ClientFlags& flags) {
  add_read_flags(verb, flags);
  verb.add_flag("-w,--watch", flags.watch, "Again each second, until Ctrl-C");
}

CLI::Option* add_duration(CLI::App& verb, const std::string& names, std::string& value,
                          const std::string& about) {
  const auto is_duration = [](const std::string& written) {
    return config::parse_duration(written) ? std::string() : config::not_a_duration(written);
  };
  return verb.add_option(names, value, about)->type_name("TIME")->check(is_duration, "", "");
}

CLI::Option* add_word(CLI::App& verb, const std::string& name, std::string& value,
                      const std::string& about) {
  return verb.add_option(name, value, about)->required()->type_name("");
}

std::string socket_of(const ClientFlags& flags) {
  if (!flags.socket.empty()) return flags.socket;
  const config::Environment environment = config::Environment::process();
  const auto variable = environment.variable("ENGINE_SOCKET");
  if (variable && !variable->empty()) return *variable;
  const config::Result file = config::load(usual_config_path(), environment);
  return control::admin_socket_path(file.ok() ? file.config.admin.socket : "",
                                    control::state_directory());
}

int show(const ClientFlags& flags, const ApiCall& call, const Page& page) {
  Client client(socket_of(flags));
  const bool redraws = columns_of(STDOUT_FILENO) != 0 && flags.watch;
  while (true) {
    const auto body = client.call(call);
    if (!body) return say_failure(body.error());
    print((redraws ? std::string(kHomeAndClear) : "") + page_of(flags, *body, page));
    if (!flags.watch) return kExitOk;
    if (!client.pause(kRedrawPause)) return kExitInterrupted;
  }
}

int change(const ClientFlags& flags, const ApiCall& call, const Page& page) {
  Client client(socket_of(flags));
  const auto body = client.call(call);
  if (!body) return say_failure(body.error());
  print(page(parse_json(*body)));
  return kExitOk;
}

config::Milliseconds patience_for(const std::string& drain) {
  return config::parse_duration(drain).value_or(config::Milliseconds(0)) + kSlack;
}

}  // namespace engine::cli
