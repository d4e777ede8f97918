// SPDX-License-Identifier: GPL-3.0-or-later
// `engine services`, `show`, `pause`, `resume`, `stop`, `remove`: services as wholes.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "engine/cli/client_verb.h"
#include "engine/cli/help_services.h"
#include "engine/cli/service_calls.h"
#include "engine/cli/service_page.h"
#include "engine/cli/terminal.h"
#include "engine/cli/verbs.h"

namespace engine::cli {
namespace {

struct Service {
  ClientFlags client;
  std::string name;
  std::string drain = "30s";
  std::string max_pause = "30s";
  std::string message;
};

constexpr const char* kDrainAbout = "How long running requests have to end (default: 30s)";

int run_pause(const Service& service) {
  const Json body = {{"max_pause", service.max_pause}, {"drain", service.drain}};
  return call_service(service.client, {service.name, "pause", "paused", body});
}

int run_stop(const Service& service) {
  const Json body = {{"message", service.message}, {"drain", service.drain}};
  return call_service(service.client, {service.name, "stop", "stopped", body});
}

int run_resume(const Service& service) {
  return call_service(service.client, {service.name, "resume", "resumed", Json::object()});
}

ApiCall removal(const Service& service, std::string_view kind) {
  return {.method = "DELETE",
          .path = fmt::format("/v1/{}/{}?drain={}", kind, encoded(service.name), service.drain),
          .body = std::nullopt,
          .subject = service.name,
          .timeout = patience_for(service.drain)};
}

// A name that is neither may be meant for either.
ApiFailure neither(const Service& service, const ApiFailure& no_service,
                   const ApiFailure& no_site) {
  Json problem = {{"detail", fmt::format("no service and no site is named \"{}\"", service.name)}};
  problem["known"] = texts_in(no_service.problem, "known");
  for (const std::string& site : texts_in(no_site.problem, "known"))
    problem["known"].push_back(site);
  return failure_of(404, json_line(problem), service.name);
}

int run_remove(const Service& service) {
  Client client(socket_of(service.client));
  std::string_view kind = "service";
  auto removed = client.call(removal(service, "services"));
  if (!removed && removed.error().status == 404) {
    const ApiFailure no_service = std::move(removed.error());
    kind = "site";
    removed = client.call(removal(service, "routes"));
    if (!removed && removed.error().status == 404) {
      return say_failure(neither(service, no_service, removed.error()));
    }
  }
  if (!removed) return say_failure(removed.error());
  print(fmt::format("removed {} {}", kind, service.name));
  return kExitOk;
}

// A verb about one service.
CLI::App& add(VerbTable& table, std::string_view name, std::string_view about,
              int (*run)(const Service&), const std::shared_ptr<Service>& service,
              VerbTable::Aliases aliases = {}) {
  CLI::App& verb = table.add({name, kGroupServices, about}, [=] { return run(*service); }, aliases);
  add_word(verb, "SERVICE", service->name, "Its name");
  add_socket_flag(verb, service->client);
  return verb;
}

void add_reads(VerbTable& table) {
  const auto flags = std::make_shared<ClientFlags>();
  CLI::App& all = table.add({"services", kGroupServices, kAboutServices}, [=] {
    return show(*flags, {.path = "/v1/services"}, [](const Json& answer) {
      return services_table(answer).render(columns_of(STDOUT_FILENO));
    });
  });
  add_watch_flags(all, *flags);

  const auto service = std::make_shared<Service>();
  CLI::App& one = table.add({"show", kGroupServices, kAboutShow}, [=] {
    return show(service->client,
                {.path = "/v1/services/" + encoded(service->name), .subject = service->name},
                service_page);
  });
  add_word(one, "SERVICE", service->name, "Its name");
  add_read_flags(one, service->client);
}

}  // namespace

void add_service_verbs(VerbTable& table) {
  add_reads(table);
  auto service = std::make_shared<Service>();
  CLI::App& pause = add(table, "pause", kAboutPause, run_pause, service);
  add_duration(pause, "--drain-timeout,--drain", service->drain, kDrainAbout);
  add_duration(pause, "--max-pause,--max", service->max_pause,
               "How long a request waits before it is answered with 504 (default: 30s)");

  add(table, "resume", kAboutResume, run_resume, std::make_shared<Service>());

  service = std::make_shared<Service>();
  CLI::App& stop = add(table, "stop", kAboutStop, run_stop, service, {"maintenance"});
  add_duration(stop, "--drain-timeout,--drain", service->drain, kDrainAbout);
  stop.add_option("--message", service->message, "What the page says")->type_name("TEXT");

  service = std::make_shared<Service>();
  CLI::App& remove = table.add({"remove", kGroupServices, kAboutRemove},
                               [=] { return run_remove(*service); }, {"rm"});
  add_word(remove, "NAME", service->name, "A service or a site");
  add_duration(remove, "--drain-timeout,--drain", service->drain, kDrainAbout);
  add_socket_flag(remove, service->client);
}

}  // namespace engine::cli
