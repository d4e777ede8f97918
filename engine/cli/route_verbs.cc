// SPDX-License-Identifier: GPL-3.0-or-later
// `engine routes`, `add` and `explain`: which site goes where.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "config/target.h"
#include "config/text.h"
#include "engine/cli/client_verb.h"
#include "engine/cli/explain.h"
#include "engine/cli/help_services.h"
#include "engine/cli/live_page.h"
#include "engine/cli/say.h"
#include "engine/cli/service_page.h"
#include "engine/cli/terminal.h"
#include "engine/cli/verbs.h"

namespace engine::cli {
namespace {

struct Route {
  ClientFlags client;
  std::string site;
  std::string target;
  bool force = false;
};

int run_add(const Route& route) {
  if (const auto target = config::parse_target(route.target); !target) {
    say_error(target.error().message);
    say_fix(target.error().hint.empty() ? "engine help add" : target.error().hint);
    return kExitUsage;
  }
  const ApiCall call{
      .method = "PUT",
      .path = fmt::format("/v1/routes/{}{}", encoded(route.site), route.force ? "?force=1" : ""),
      .body = Json{{"to", route.target}},
      .subject = route.site};
  return change(route.client, call, [&](const Json& answer) {
    return fmt::format("added {} → {} (generation {})", route.site, route.target,
                       number_in(answer, "generation"));
  });
}

void add_explain(VerbTable& table) {
  const auto options = std::make_shared<ExplainOptions>();
  CLI::App& explain =
      table.add({"explain", kGroupServices, kAboutExplain}, [=] { return run_explain(*options); });
  explain.add_option("REQUEST", options->words, "[METHOD] URL (the method: GET)")
      ->required()
      ->type_name("")
      ->expected(1, 2);
  explain
      .add_option("-c,--config", options->config,
                  "Ask this file instead of the running engine; - is stdin")
      ->type_name("FILE");
  add_read_flags(explain, options->client);
}

// A rate needs two readings: the first page of a watch has none.
int run_routes(const ClientFlags& flags) {
  const auto page = [&flags, before = Json()](const Json& answer) mutable {
    const Table table = flags.watch ? watched_routes_table(before, answer) : routes_table(answer);
    before = answer;
    return table.render(columns_of(STDOUT_FILENO));
  };
  return show(flags, {.path = "/v1/routes"}, page);
}

}  // namespace

void add_route_verbs(VerbTable& table) {
  const auto flags = std::make_shared<ClientFlags>();
  CLI::App& routes = table.add({"routes", kGroupServices, kAboutRoutes},
                               [=] { return run_routes(*flags); }, {"list", "ls"});
  add_watch_flags(routes, *flags);

  const auto route = std::make_shared<Route>();
  CLI::App& add = table.add({"add", kGroupServices, kAboutAdd}, [=] { return run_add(*route); });
  add_word(add, "SITE", route->site, "HOST or HOST/PATH");
  add_word(add, "TARGET", route->target, "A port of this machine, HOST:PORT, or as in proxy.toml");
  add.add_flag("--force", route->force, "Also when another service has the site");
  add_socket_flag(add, route->client);
  add_explain(table);
}

}  // namespace engine::cli
