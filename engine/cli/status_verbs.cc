// SPDX-License-Identifier: GPL-3.0-or-later
// `engine status`, `events`, `metrics`, `healthcheck`: how the running engine is; `upgrade`.
#include <fmt/format.h>

#include <memory>

#include "engine/cli/client_verb.h"
#include "engine/cli/help_engine.h"
#include "engine/cli/status_page.h"
#include "engine/cli/terminal.h"
#include "engine/cli/verbs.h"

namespace engine::cli {
namespace {

constexpr config::Milliseconds kUpgradePatience{70'000};  // the engine gives up after 60 s
constexpr int kEventsKept = 100;                          // by the engine
constexpr config::Milliseconds kEventsQuiet{300};         // those of before come at once

struct Events {
  ClientFlags client;
  bool follow = false;
};

struct Health {
  ClientFlags client;
  bool ready = false;
};

int run_events(const Events& events) {
  Client client(socket_of(events.client));
  int left = kEventsKept;
  const auto on_event = [&](const SseEvent& event) {
    const Json json = parse_json(event.data);
    print(events.client.json ? json_line(json) : event_line(json));
    return events.follow || --left > 0;
  };
  const EventPatience patience{.total = {},
                               .quiet = events.follow ? config::Milliseconds(0) : kEventsQuiet};
  const auto heard = client.events("/v1/events?replay=1", on_event, patience);
  return heard ? kExitOk : say_failure(heard.error());
}

int run_metrics(const ClientFlags& flags) {
  Client client(socket_of(flags));
  const auto metrics = client.call({.path = "/metrics"});
  if (!metrics) return say_failure(metrics.error());
  print(*metrics);
  return kExitOk;
}

std::string upgraded(const Json& answer) {
  return fmt::format("process {} serves now; the old one ends with its last stream\n",
                     answer.value("pid", 0));
}

// What asks knows 0 and 1 only.
int run_healthcheck(const Health& health) {
  Client client(socket_of(health.client));
  const auto answer = client.call({.path = health.ready ? "/readyz" : "/healthz"});
  if (answer) return kExitOk;
  (void)say_failure(answer.error());
  return kExitFailed;
}

}  // namespace

void add_status_verbs(VerbTable& table) {
  const auto status = std::make_shared<ClientFlags>();
  CLI::App& verb =
      table.add({"status", kGroupEngine, kAboutStatus},
                [=] { return show(*status, {.path = "/v1/status"}, status_page); }, {"ps"});
  add_watch_flags(verb, *status);

  const auto events = std::make_shared<Events>();
  CLI::App& heard =
      table.add({"events", kGroupEngine, kAboutEvents}, [=] { return run_events(*events); });
  heard.add_flag("-f,--follow", events->follow, "And what happens from now on, until Ctrl-C");
  add_read_flags(heard, events->client);

  const auto metrics = std::make_shared<ClientFlags>();
  add_socket_flag(
      table.add({"metrics", kGroupEngine, kAboutMetrics}, [=] { return run_metrics(*metrics); }),
      *metrics);

  const auto upgrade = std::make_shared<ClientFlags>();
  add_socket_flag(
      table.add({"upgrade", kGroupEngine, kAboutUpgrade},
                [=] {
                  return change(
                      *upgrade,
                      {.method = "POST", .path = "/v1/upgrade", .timeout = kUpgradePatience},
                      upgraded);
                }),
      *upgrade);

  const auto health = std::make_shared<Health>();
  CLI::App& check = table.add({"healthcheck", kGroupEngine, kAboutHealthcheck},
                              [=] { return run_healthcheck(*health); });
  check.add_flag("--ready", health->ready, "Whether it takes new requests, too");
  add_socket_flag(check, health->client);
}

}  // namespace engine::cli
