// SPDX-License-Identifier: GPL-3.0-or-later
// `engine deploy` and `engine rollout …`: new targets in the place of old ones.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "config/units.h"
#include "engine/cli/client_verb.h"
#include "engine/cli/deploy_options.h"
#include "engine/cli/deploy_progress.h"
#include "engine/cli/help_services.h"
#include "engine/cli/say.h"
#include "engine/cli/service_calls.h"
#include "engine/cli/terminal.h"
#include "engine/cli/verbs.h"

namespace engine::cli {
namespace {

struct Deploy {
  ClientFlags client;
  DeployFlags flags;
};

struct Split {
  ClientFlags client;
  std::string name;
  int percent = -1;
  std::vector<std::string> values;
  std::string drain = "30s";
};

int say_misuse(const Misuse& misuse) {
  say_error(misuse.error);
  say_fix(misuse.fix);
  return kExitUsage;
}

std::string event_line(const SseEvent& event) {
  Json line = {{"event", event.name}};
  const Json data = parse_json(event.data);
  if (data.is_object()) line.update(data);
  return json_line(line);
}

// What was begun is taken back: until the swap the old targets serve on.
int abort_deploy(Client& client, const std::string& path) {
  const auto aborted = client.call(
      {.method = "POST", .path = path + ":abort", .body = Json::object(), .subject = ""});
  if (aborted) {
    say("interrupted: the deploy is aborted, what served before serves on");
  } else {
    (void)say_failure(aborted.error());
  }
  return kExitInterrupted;
}

config::Milliseconds patience_for(const DeployFlags& flags) {
  return config::parse_duration(flags.timeout).value_or(config::Milliseconds(0)) +
         cli::patience_for(flags.drain);
}

int watch(Client& client, const Deploy& deploy, const std::string& path, const Json& body) {
  const bool json = deploy.client.json;
  DeployProgress progress(json ? 0 : columns_of(STDERR_FILENO), texts_in(body, "targets"));
  const auto on_event = [&](const SseEvent& event) {
    if (json) print(event_line(event));
    const std::string lines = progress.on_event(event.name, parse_json(event.data));
    if (!json) std::fwrite(lines.data(), 1, lines.size(), stderr);
    return !progress.outcome();
  };
  const auto watched = client.events(path, on_event, {.total = patience_for(deploy.flags)});
  if (!watched && watched.error().exit_code == kExitInterrupted) return abort_deploy(client, path);
  if (!watched) return say_failure(watched.error());
  if (!progress.outcome()) {
    say_error("the engine ended while it deployed");
    say_fix("engine services tells what serves now");
    return kExitUnreachable;
  }
  const DeployProgress::Outcome& outcome = *progress.outcome();
  if (!outcome.summary.empty() && !json) print(outcome.summary);
  if (!outcome.error.empty()) say_error(outcome.error);
  if (!outcome.fix.empty()) say_fix(outcome.fix);
  return outcome.exit_code;
}

int start(Client& client, const Deploy& deploy, const Json& body) {
  // An interrupt while it begins would leave a deploy whose number nobody knows.
  const auto begun = client.call({.method = "POST",
                                  .path = "/v1/deploys",
                                  .body = body,
                                  .subject = deploy.flags.name,
                                  .on_interrupt = ApiCall::OnInterrupt::Finish});
  if (!begun) return say_failure(begun.error());
  return watch(client, deploy, "/v1/deploys/" + encoded(text_in(parse_json(*begun), "id")), body);
}

int run_deploy(Deploy deploy) {
  settle_older_form(deploy.flags);
  auto body = deploy_body(deploy.flags);
  if (!body) return say_misuse(body.error());
  Client client(socket_of(deploy.client));
  if (!body->contains("options")) {
    const auto known = client.call({.path = "/v1/services/" + encoded(deploy.flags.name)});
    if (!known && known.error().status != 404) return say_failure(known.error());
    if (!known) (*body)["options"] = usual_options();
  }
  return start(client, deploy, *body);
}

int run_rollout_deploy(const Deploy& deploy) {
  auto body = rollout_body(deploy.flags);
  if (!body) return say_misuse(body.error());
  (*body)["rollout"] = true;
  Client client(socket_of(deploy.client));
  return start(client, deploy, *body);
}

int run_rollout_set(const Split& split) {
  Json body = Json::object();
  if (split.percent >= 0) body["percent"] = split.percent;
  if (!split.values.empty()) body["list"] = split_commas(split.values);
  if (body.empty()) {
    return say_misuse({"no share to send to the new targets",
                       fmt::format("engine rollout set {} --percent 10", split.name)});
  }
  return call_service(split.client, {split.name, "rollout", "rolling out", body});
}

CLI::Option* add_list(CLI::App& verb, const std::string& names, std::vector<std::string>& values,
                      const std::string& type, const std::string& about) {
  return verb.add_option(names, values, about)->type_name(type)->expected(1)->take_all();
}

void add_target_flags(CLI::App& verb, DeployFlags& flags) {
  add_list(verb, "--target,--to", flags.targets, "HOST:PORT",
           "A new target; repeatable, port 80 unless it says another");
  add_list(verb, "--read-target", flags.read_targets, "HOST:PORT",
           "A new target for GET and HEAD only; repeatable");
  add_duration(verb, "--deploy-timeout,--timeout", flags.timeout,
               "How long all new targets together have to become healthy (default: 30s)");
  add_duration(verb, "--drain-timeout,--drain", flags.drain,
               "How long running requests of old targets have to end (default: 30s)");
  verb.add_flag("--force", flags.force, "Swap without waiting until they are healthy");
}

void add_health_flags(CLI::App& verb, DeployFlags& flags) {
  verb.add_option("--health-check-path,--health-path", flags.health_path,
                  "What is asked for whether a target is up (default: /up)")
      ->type_name("URI");
  add_duration(verb, "--health-check-interval", flags.health_every, "How often (default: 1s)");
  add_duration(verb, "--health-check-timeout", flags.health_timeout,
               "How long an answer may take (default: 5s)");
  verb.add_option("--health-check-port", flags.health_port, "Asked there (default: the target's)")
      ->type_name("N")
      ->check(CLI::Range(1, 65535).description(""));
  verb.add_option("--health-check-host", flags.health_host, "The Host that is asked for")
      ->type_name("NAME");
}

void add_site_flags(CLI::App& verb, DeployFlags& flags) {
  add_list(verb, "--host,--site", flags.hosts, "NAME",
           "The host it serves, or HOST/PATH; repeatable (default: those it has, else all)");
  add_list(verb, "--path-prefix,--path", flags.paths, "PREFIX",
           "Only paths below this one; repeatable");
  verb.add_flag("--strip-path-prefix,!--no-strip-path-prefix", flags.strip_prefix,
                "The target does not see the prefix (default), or does");
}

void add_client_flags(CLI::App& verb, DeployFlags& flags) {
  verb.add_option("--canonical-host", flags.canonical_host,
                  "Redirect requests for its other hosts to this one")
      ->type_name("NAME");
  verb.add_flag(
      "--forward-headers", flags.forward_headers,
      "Believe every client's X-Forwarded-*: only behind a proxy that nobody can go round");
  verb.add_option("--client-ip-header", flags.client_ip_header,
                  "The header with the client's address, such as CF-Connecting-IP; the same holds")
      ->type_name("HEADER");
  verb.add_flag("--scope-cookie-paths", flags.scope_cookies,
                "Cookies of the target get the stripped prefix before their Path");
  add_list(verb, "--log-request-header", flags.logged_request_headers, "HEADER",
           "A header of the request that the access log shows; repeatable");
  add_list(verb, "--log-response-header", flags.logged_response_headers, "HEADER",
           "A header of the response that the access log shows; repeatable");
  add_list(verb, "--exclude-metrics-path", flags.uncounted_paths, "PATH",
           "Exactly this path is not counted in the metrics; repeatable");
}

void add_buffer_flags(CLI::App& verb, DeployFlags& flags) {
  verb.add_flag("--buffer-requests", flags.buffer_requests,
                "A target gets a request once its body is complete");
  verb.add_flag("--buffer-responses", flags.buffer_responses,
                "A client gets a response once its body is complete");
  verb.add_option("--buffer-memory", flags.buffer_memory,
                  "So much of a body stays in memory, the rest in a file (default: 1MiB)")
      ->type_name("SIZE");
  verb.add_option("--max-request-body", flags.body_max,
                  "The largest body of a request, such as 20MiB")
      ->type_name("SIZE");
  verb.add_option("--max-response-body", flags.response_max,
                  "The largest body of a response; needs --buffer-responses")
      ->type_name("SIZE");
}

void add_option_flags(CLI::App& verb, DeployFlags& flags) {
  add_duration(verb, "--target-timeout", flags.target_timeout,
               "How long a target may take until its response begins");
  verb.add_option("--error-pages", flags.errors, "A directory with pages like 503.html")
      ->type_name("DIR");
  add_duration(verb, "--writer-affinity-timeout", flags.affinity,
               "How long a client reads from writers after a write");
  verb.add_flag("--read-target-websockets", flags.read_websockets,
                "WebSockets may go to --read-target");
  verb.add_flag("--tls,--ssl", flags.tls, "Redirect http to https");
  verb.add_option("--tls-redirect", flags.tls_redirect, "The same: true or false")
      ->type_name("BOOL")
      ->expected(0, 1)
      ->default_str("true")
      ->check(CLI::IsMember({"true", "false"}).description(""))
      ->option_text("true|false");
  verb.add_option(
          "--tls-certificate-path", flags.tls_certificate,
          "The PEM certificate chain of its hosts, instead of those that are served by name")
      ->type_name("FILE");
  verb.add_option("--tls-private-key-path", flags.tls_key, "The key of that certificate")
      ->type_name("FILE");
  add_list(verb, "--set", flags.set, "KEY=VALUE",
           "Any other key of a site in proxy.toml, such as balance=round-robin; repeatable");
}

void add_deploy(VerbTable& table) {
  const auto deploy = std::make_shared<Deploy>();
  CLI::App& verb =
      table.add({"deploy", kGroupDeploy, kAboutDeploy}, [=] { return run_deploy(*deploy); });
  add_word(verb, "SERVICE", deploy->flags.name, "Its name");
  add_target_flags(verb, deploy->flags);
  add_site_flags(verb, deploy->flags);
  add_health_flags(verb, deploy->flags);
  add_client_flags(verb, deploy->flags);
  add_buffer_flags(verb, deploy->flags);
  add_option_flags(verb, deploy->flags);
  add_read_flags(verb, deploy->client);
}

void add_rollout_verb(VerbTable& table, std::string_view name, std::string_view about,
                      std::string_view call, std::string_view sentence, bool drains) {
  const auto split = std::make_shared<Split>();
  CLI::App& verb = table.add({name, kGroupDeploy, about}, [=] {
    const Json body = drains ? Json{{"drain", split->drain}} : Json::object();
    return call_service(split->client,
                        {split->name, std::string(call), std::string(sentence), body});
  });
  add_word(verb, "SERVICE", split->name, "Its name");
  if (drains) {
    add_duration(verb, "--drain-timeout,--drain", split->drain,
                 "How long running requests of old targets have to end (default: 30s)");
  }
  add_socket_flag(verb, split->client);
}

void add_rollout(VerbTable& table) {
  table.add({"rollout", kGroupDeploy, kAboutRollout}, nullptr);
  const auto deploy = std::make_shared<Deploy>();
  CLI::App& beside = table.add({"rollout deploy", kGroupDeploy, kAboutRolloutDeploy},
                               [=] { return run_rollout_deploy(*deploy); });
  add_word(beside, "SERVICE", deploy->flags.name, "Its name");
  add_target_flags(beside, deploy->flags);
  add_read_flags(beside, deploy->client);

  const auto split = std::make_shared<Split>();
  CLI::App& set = table.add({"rollout set", kGroupDeploy, kAboutRolloutSet},
                            [=] { return run_rollout_set(*split); });
  add_word(set, "SERVICE", split->name, "Its name");
  set.add_option("--percent", split->percent, "The share of clients that get the new targets")
      ->type_name("N")
      ->check(CLI::Range(0, 100).description(""));
  add_list(set, "--list", split->values, "VALUE",
           "Values of the cookie kamal-rollout that get the new targets; repeatable");
  add_socket_flag(set, split->client);

  add_rollout_verb(table, "rollout stop", kAboutRolloutStop, "rollout-stop", "rollout stopped for",
                   false);
  add_rollout_verb(table, "rollout promote", kAboutRolloutPromote, "promote", "promoted", true);
  add_rollout_verb(table, "rollout abort", kAboutRolloutAbort, "abort", "rollout aborted for",
                   false);
}

}  // namespace

void add_deploy_verbs(VerbTable& table) {
  add_deploy(table);
  add_rollout(table);
}

}  // namespace engine::cli
