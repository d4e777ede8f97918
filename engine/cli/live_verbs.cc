// SPDX-License-Identifier: GPL-3.0-or-later
// `engine conns`, `top`, `tap` and `log-level`: what goes on in the running engine at this moment.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

#include "engine/cli/client_verb.h"
#include "engine/cli/help_engine.h"
#include "engine/cli/live_page.h"
#include "engine/cli/say.h"
#include "engine/cli/terminal.h"
#include "engine/cli/verbs.h"

namespace engine::cli {
namespace {

constexpr config::Milliseconds kBetweenReadings{1'000};

struct Conns {
  ClientFlags client;
  std::string site;
  std::string state;
  std::string id;
};

struct Tap {
  ClientFlags client;
  std::string site;
  std::string status;
  std::string method;
  std::string path;
  std::uint64_t count = 0;  // 0: all
};

struct Top {
  ClientFlags client;
  std::size_t sites = 0;  // 0: all
  bool once = false;
};

struct LogLevel {
  ClientFlags client;
  std::string level;
};

// "?site=a.test&state=idle", without what is empty.
std::string query_of(std::initializer_list<std::pair<const char*, std::string>> values) {
  std::string query;
  for (const auto& [name, value] : values) {
    if (!value.empty())
      query += fmt::format("{}{}={}", query.empty() ? '?' : '&', name, encoded(value));
  }
  return query;
}

int run_conns(const Conns& conns) {
  const std::string query = query_of({{"site", conns.site}, {"state", conns.state}});
  return show(conns.client, {.path = "/v1/connections" + query}, [](const Json& answer) {
    const std::string remark = connections_remark(answer);
    const std::string page = connections_table(answer).render(columns_of(STDOUT_FILENO));
    return remark.empty() ? page : page + remark + "\n";
  });
}

int run_close(const Conns& conns) {
  return change(
      conns.client,
      {.method = "DELETE", .path = "/v1/connections/" + encoded(conns.id), .subject = conns.id},
      [&](const Json&) { return conns.id + ": closed\n"; });
}

int run_tap(const Tap& tap) {
  Client client(socket_of(tap.client));
  const std::string query = query_of(
      {{"site", tap.site}, {"status", tap.status}, {"method", tap.method}, {"path", tap.path}});
  std::uint64_t left = tap.count;
  const auto on_event = [&](const SseEvent& event) {
    if (event.name == "lost") {
      say(fmt::format("{} requests are not shown: they came faster than they were read",
                      number_in(parse_json(event.data), "lines")));
      return true;
    }
    print(tap.client.json ? event.data : request_line(parse_json(event.data)));
    return tap.count == 0 || --left > 0;
  };
  const auto heard = client.events("/v1/tap" + query, on_event);
  return heard ? kExitOk : say_failure(heard.error());
}

std::string top_page(const Top& top, const Json& before, const Json& after) {
  std::vector<SiteTraffic> sites = traffic_between(before, after);
  if (top.sites != 0 && sites.size() > top.sites) sites.resize(top.sites);
  if (top.client.json) return json_line(traffic_json(sites));
  return traffic_table(sites).render(columns_of(STDOUT_FILENO));
}

int run_top(const Top& top) {
  Client client(socket_of(top.client));
  const bool redraws = columns_of(STDOUT_FILENO) != 0 && !top.once;
  Json before;
  while (true) {
    const auto body = client.call({.path = "/v1/routes"});
    if (!body) return say_failure(body.error());
    Json after = parse_json(*body);
    if (!before.is_null()) {
      const std::string page = top_page(top, before, after);
      print(redraws && !top.client.json ? std::string(kHomeAndClear) + page : page);
      if (!redraws) return kExitOk;
    }
    before = std::move(after);
    if (!client.pause(kBetweenReadings)) return kExitInterrupted;
  }
}

std::string level_page(const Json& answer) { return text_in(answer, "level") + "\n"; }

int run_log_level(const LogLevel& log) {
  if (log.level.empty()) return show(log.client, {.path = "/v1/log/level"}, level_page);
  return change(log.client,
                {.method = "PUT", .path = "/v1/log/level", .body = Json{{"level", log.level}}},
                level_page);
}

void add_conns(VerbTable& table) {
  const auto conns = std::make_shared<Conns>();
  CLI::App& verb =
      table.add({"conns", kGroupEngine, kAboutConns}, [=] { return run_conns(*conns); });
  verb.add_option("--site", conns->site, "Only those with a request for this site")
      ->type_name("SITE");
  verb.add_option("--state", conns->state, "Only those that are idle, active or closing")
      ->type_name("STATE");
  add_watch_flags(verb, conns->client);
  const auto closed = std::make_shared<Conns>();
  CLI::App& close =
      table.add({"conns close", "", kAboutConnsClose}, [=] { return run_close(*closed); });
  add_word(close, "ID", closed->id, "As engine conns lists it");
  add_socket_flag(close, closed->client);
}

void add_top(VerbTable& table) {
  const auto top = std::make_shared<Top>();
  CLI::App& verb = table.add({"top", kGroupEngine, kAboutTop}, [=] { return run_top(*top); });
  verb.add_option("-n,--sites", top->sites, "Only the N busiest")->type_name("N");
  verb.add_flag("--once", top->once, "One table, then end; also when stdout is no terminal");
  add_read_flags(verb, top->client);
}

void add_tap(VerbTable& table) {
  const auto tap = std::make_shared<Tap>();
  CLI::App& verb = table.add({"tap", kGroupEngine, kAboutTap}, [=] { return run_tap(*tap); });
  verb.add_option("SITE", tap->site, "Only of this site, as proxy.toml has it")->type_name("");
  verb.add_option("--status", tap->status, "Only these: 502, 5xx, >=400, <500")
      ->type_name("STATUS");
  verb.add_option("--method", tap->method, "Only of this method")->type_name("METHOD");
  verb.add_option("--path", tap->path, "Only paths that begin so")->type_name("PREFIX");
  verb.add_option("--count", tap->count, "End after so many")->type_name("N");
  add_read_flags(verb, tap->client);
}

}  // namespace

void add_live_verbs(VerbTable& table) {
  add_conns(table);
  add_top(table);
  add_tap(table);
  const auto log = std::make_shared<LogLevel>();
  CLI::App& level =
      table.add({"log-level", kGroupEngine, kAboutLogLevel}, [=] { return run_log_level(*log); });
  level.add_option("LEVEL", log->level, "error, warn, info or debug")->type_name("");
  add_read_flags(level, log->client);
}

}  // namespace engine::cli
