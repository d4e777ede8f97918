// SPDX-License-Identifier: GPL-3.0-or-later
// `engine drain`, `enable`, `disable`, `weight`: one target of a service.
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "engine/cli/client_verb.h"
#include "engine/cli/help_services.h"
#include "engine/cli/target_name.h"
#include "engine/cli/terminal.h"
#include "engine/cli/verbs.h"

namespace engine::cli {
namespace {

struct Target {
  ClientFlags client;
  std::string name;
  std::string drain = "30s";
  int weight = 1;
};

int patch(const Target& target, const Json& body, const std::string& sentence,
          config::Milliseconds timeout = ApiCall{}.timeout) {
  Client client(socket_of(target.client));
  const auto targets = client.call({.path = "/v1/targets"});
  if (!targets) return say_failure(targets.error());
  const auto id = target_named(target.name, parse_json(*targets));
  if (!id) return say_failure(id.error());
  const auto patched = client.call({.method = "PATCH",
                                    .path = "/v1/targets/" + encoded(*id),
                                    .body = body,
                                    .subject = *id,
                                    .timeout = timeout});
  if (!patched) return say_failure(patched.error());
  print(fmt::format("{}: {}", *id, sentence));
  return kExitOk;
}

int run_drain(const Target& target) {
  return patch(target, {{"drain", target.drain}}, "drained and disabled",
               patience_for(target.drain));
}

int run_enable(const Target& target) { return patch(target, {{"enabled", true}}, "enabled"); }

int run_disable(const Target& target) { return patch(target, {{"enabled", false}}, "disabled"); }

int run_weight(const Target& target) {
  return patch(target, {{"weight", target.weight}}, fmt::format("weight {}", target.weight));
}

CLI::App& add(VerbTable& table, std::string_view name, std::string_view about,
              int (*run)(const Target&), const std::shared_ptr<Target>& target) {
  CLI::App& verb = table.add({name, kGroupServices, about}, [=] { return run(*target); });
  add_word(verb, "TARGET", target->name, "SERVICE@HOST:PORT, SERVICE/HOST:PORT or HOST:PORT");
  add_socket_flag(verb, target->client);
  return verb;
}

}  // namespace

void add_target_verbs(VerbTable& table) {
  auto target = std::make_shared<Target>();
  CLI::App& drain = add(table, "drain", kAboutDrain, run_drain, target);
  add_duration(drain, "--drain-timeout,--drain", target->drain,
               "How long running requests have to end (default: 30s)");
  add(table, "enable", kAboutEnable, run_enable, std::make_shared<Target>());
  add(table, "disable", kAboutDisable, run_disable, std::make_shared<Target>());
  target = std::make_shared<Target>();
  CLI::App& weight = add(table, "weight", kAboutWeight, run_weight, target);
  weight.add_option("N", target->weight, "Its share of new requests; 0 = none")
      ->required()
      ->type_name("")
      ->check(CLI::Range(0, 1000).description(""));
}

}  // namespace engine::cli
