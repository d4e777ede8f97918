// SPDX-License-Identifier: GPL-3.0-or-later
// `engine reload`, `diff`, `history`, `rollback`, `config show`: the configuration in force.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <memory>

#include "engine/cli/client_verb.h"
#include "engine/cli/help_engine.h"
#include "engine/cli/say.h"
#include "engine/cli/status_page.h"
#include "engine/cli/terminal.h"
#include "engine/cli/verbs.h"

namespace engine::cli {
namespace {

// Certificates and pages of errors are read again as well.
constexpr config::Milliseconds kReloadTimeout{60'000};

struct Reload {
  ClientFlags client;
  bool dry_run = false;
  int generation = 0;  // 0: the one before
};

ApiCall call_to(const std::string& path, Json body) {
  return {.method = "POST",
          .path = path,
          .body = std::move(body),
          .subject = "",
          .timeout = kReloadTimeout};
}

int run_reload(const Reload& reload) {
  const ApiCall call = call_to("/v1/reload", {{"dry_run", reload.dry_run}});
  return show(reload.client, call, [&](const Json& answer) {
    say_diagnostics(field(answer, "diagnostics"));
    const std::string changes = changes_page(answer);
    if (reload.dry_run) return changes.empty() ? "nothing would change\n" : changes;
    return changes + fmt::format("reloaded (generation {})\n", number_in(answer, "generation"));
  });
}

int run_rollback(const Reload& reload) {
  Json body = Json::object();
  if (reload.generation != 0) body["generation"] = reload.generation;
  return show(reload.client, call_to("/v1/rollback", body), [](const Json& answer) {
    return changes_page(answer) +
           fmt::format("rolled back (generation {})\n", number_in(answer, "generation"));
  });
}

int run_history(const ClientFlags& flags) {
  return show(flags, {.path = "/v1/config/history"}, [](const Json& answer) {
    return history_table(answer).render(columns_of(STDOUT_FILENO));
  });
}

int run_config_show(const ClientFlags& flags) {
  return show(flags, {.path = "/v1/config"},
              [](const Json& answer) { return text_in(answer, "text"); });
}

void add_reloads(VerbTable& table) {
  const auto reload = std::make_shared<Reload>();
  CLI::App& verb =
      table.add({"reload", kGroupEngine, kAboutReload}, [=] { return run_reload(*reload); });
  verb.add_flag("--dry-run", reload->dry_run, "Only say what would change");
  add_read_flags(verb, reload->client);

  const auto diff = std::make_shared<Reload>();
  diff->dry_run = true;
  add_read_flags(table.add({"diff", kGroupEngine, kAboutDiff}, [=] { return run_reload(*diff); }),
                 diff->client);
}

}  // namespace

void add_config_verbs(VerbTable& table) {
  add_reloads(table);
  const auto history = std::make_shared<ClientFlags>();
  add_read_flags(
      table.add({"history", kGroupEngine, kAboutHistory}, [=] { return run_history(*history); }),
      *history);

  const auto back = std::make_shared<Reload>();
  CLI::App& rollback =
      table.add({"rollback", kGroupEngine, kAboutRollback}, [=] { return run_rollback(*back); });
  rollback.add_option("GENERATION", back->generation, "Which (default: the one before)")
      ->type_name("")
      ->check(CLI::Range(1, INT32_MAX).description(""));
  add_read_flags(rollback, back->client);

  table.add({"config", kGroupEngine, kAboutConfig}, nullptr);
  const auto config = std::make_shared<ClientFlags>();
  add_read_flags(table.add({"config show", kGroupEngine, kAboutConfigShow},
                           [=] { return run_config_show(*config); }),
                 *config);
}

}  // namespace engine::cli
