// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/api.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "engine/base/log.h"
#include "engine/http/status.h"

namespace engine::control {
namespace {

// What an audit line keeps of a body.
constexpr std::size_t kAuditBodyBytesMax = 4096;
constexpr std::uint64_t kReplayed = 100;

std::string etag_of(std::uint64_t generation) { return "\"" + std::to_string(generation) + "\""; }

ApiReply metrics_reply(std::string text) {
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = std::move(text)};
}

ApiReply pid_reply(pid_t pid) { return json_reply({{"pid", pid}}); }

}  // namespace

bool is_change(const std::string& method) { return method != "GET" && method != "HEAD"; }

ApiReply json_reply(const Json& json, int status) {
  return {.status = status,
          .body = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

ApiReply reply_of(const Refusal& refusal) {
  Json extra = Json::object();
  if (!refusal.field.empty()) extra["field"] = refusal.field;
  if (!refusal.hint.empty()) extra["hint"] = refusal.hint;
  if (!refusal.owner.empty()) extra["owner"] = refusal.owner;
  if (!refusal.known.empty()) extra["known"] = refusal.known;
  if (!refusal.diagnostics.empty())
    extra["diagnostics"] = Json::parse(config::to_json(refusal.diagnostics));
  return problem(refusal.status,
                 std::string(http::reason_phrase(static_cast<unsigned>(refusal.status))),
                 refusal.detail, std::move(extra));
}

ApiReply no_such_path(const ApiRequest& request) {
  return reply_of({.status = 404,
                   .detail = "the control API has no " + request.method + " " + request.path,
                   .hint = "docs/control-api.md lists what there is"});
}

ApiReply Api::changed(Json json) const {
  ApiReply reply = json_reply(json);
  reply.fields.emplace_back("ETag", etag_of(parts_.operations.state.generation()));
  return reply;
}

async::Task<void> Api::handle(ApiRequest request, ApiWriter& writer) {
  const bool wants_events = request.header("Accept").contains("text/event-stream");
  if (request.method == "GET" && request.path == "/v1/events") {
    co_await stream_events(std::move(request), writer);
    co_return;
  }
  if (request.method == "GET" && request.path == "/v1/tap") {
    co_await stream_tap(std::move(request), writer);
    co_return;
  }
  if (request.method == "GET" && wants_events && request.path.starts_with("/v1/deploys/")) {
    const auto deploy = parts_.operations.deploys.find(request.path.substr(12));
    if (deploy != nullptr) {
      co_await stream_deploy(deploy, writer);
      co_return;
    }
  }
  const bool change = is_change(request.method);
  const std::string_view wanted = request.header("If-Match");
  ApiReply reply;
  if (change && parts_.operations.handover.under_way()) {
    reply = reply_of(refusal(409, "a new process takes over: this one changes nothing more",
                             "ask again in a moment"));
  } else if (change && !wanted.empty() && wanted != "*" &&
             wanted != etag_of(parts_.operations.state.generation())) {
    reply = reply_of(refusal(412,
                             "the configuration has changed since: it is generation " +
                                 std::to_string(parts_.operations.state.generation()) + " now",
                             "read it again"));
  } else {
    reply = co_await answer(request);
  }
  if (change) audit(request, reply);
  const bool sent = co_await writer.reply(std::move(reply));
  (void)sent;  // a client that is gone does not undo what was done
}

Api::Reply Api::answer(ApiRequest request) {
  const std::string& path = request.path;
  const bool reads = !is_change(request.method);
  const auto below = [&path](std::string_view prefix) {
    return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
  };
  if (reads && (path == "/healthz" || path == "/livez" || path == "/readyz"))
    co_return answer_health(path);
  if (reads && path == "/metrics") co_return metrics_reply(parts_.metrics());
  if (reads && path == "/v1/info") co_return json_reply(parts_.info());
  if (reads && (path == "/v1/status" || path == "/status")) co_return status();
  if (below("/v1/services")) {
    ApiReply reply = co_await answer_services(std::move(request));
    co_return reply;
  }
  if (below("/v1/targets")) {
    ApiReply reply = co_await answer_targets(std::move(request));
    co_return reply;
  }
  if (below("/v1/routes")) {
    ApiReply reply = co_await answer_routes(std::move(request));
    co_return reply;
  }
  if (below("/v1/connections")) {
    ApiReply reply = co_await answer_connections(std::move(request));
    co_return reply;
  }
  if (path == "/v1/log/level") co_return answer_log_level(request);
  if (below("/v1/deploys")) co_return answer_deploys(request);
  if (path == "/v1/explain" && !reads) co_return answer_explain(request);
  if (path == "/v1/stop" && !reads) {
    parts_.operations.stop("control API");
    co_return json_reply(Json::object(), 202);
  }
  if (path == "/v1/upgrade" && !reads) {
    const auto pid = co_await parts_.operations.upgrade();
    co_return pid ? pid_reply(*pid) : reply_of(pid.error());
  }
  co_return answer_config(request);
}

ApiReply Api::answer_health(const std::string& path) const {
  const bool draining = path == "/readyz" && parts_.draining();
  return json_reply({{"status", draining ? "draining" : "ok"}}, draining ? 503 : 200);
}

ApiReply Api::status() const {
  const Operations& operations = parts_.operations;
  const ReloadReport& last = parts_.reload.last();
  const Reload::Past& in_force = parts_.reload.history().front();
  Json json = parts_.status();
  json["generation"] = operations.state.generation();
  json["loaded"] = in_force.at;
  json["config"] = {{"path", parts_.reload.source().path},
                    {"ok", last.ok},
                    {"problem", last.cause},
                    {"diagnostics", Json::parse(config::to_json(last.diagnostics))},
                    {"warnings", config::count(last.diagnostics, config::Severity::Warning)}};
  json["sites"] = operations.state.effective().sites.size();
  json["services"] = operations.views.service_counts();
  json["targets"] = operations.views.target_counts();
  json["draining"] = parts_.draining();
  Json listeners = Json::array();
  for (const auto& listen : operations.state.snapshot()->listens)
    listeners.push_back(listen->text());
  json["listeners"] = std::move(listeners);
  Json warnings = Json::array();
  if (!last.ok)
    warnings.push_back("the configuration on disk was refused; generation " +
                       std::to_string(operations.state.generation()) +
                       " is in force: " + last.cause);
  json["warnings"] = std::move(warnings);
  return changed(std::move(json));
}

async::Task<void> Api::stream_events(ApiRequest request, ApiWriter& writer) {
  Events& events = parts_.operations.events;
  std::uint64_t seen = events.last();
  if (request.query.contains("replay")) seen -= std::min(seen, kReplayed);
  const bool begun = co_await writer.begin_events();
  if (!begun) co_return;
  for (;;) {
    while (const Events::One* next = events.after(seen)) {
      seen = next->number;
      const bool sent = co_await writer.event(next->kind, next->json);
      if (!sent) co_return;
    }
    const bool goes_on = co_await writer.wait(events.added());
    if (!goes_on) co_return;
  }
}

async::Task<void> Api::stream_deploy(Deploys::DeployPtr deploy, ApiWriter& writer) {
  const bool begun = co_await writer.begin_events();
  if (!begun) co_return;
  for (std::size_t seen = 0;;) {
    while (seen < deploy->events().size()) {
      const Deploy::Event event = deploy->events()[seen++];
      const bool sent = co_await writer.event(event.name, event.details.dump());
      if (!sent) co_return;
    }
    if (deploy->over()) co_return;
    const bool goes_on = co_await writer.wait(deploy->changed());
    if (!goes_on) co_return;
  }
}

// What cannot be written down is said in the log: the change itself was made.
void Api::audit(const ApiRequest& request, const ApiReply& reply) const {
  Json json = {{"at", base::log::format_time(base::wall_now())},
               {"who", request.caller.who},
               {"method", request.method},
               {"path", request.path},
               {"body", request.body.substr(0, kAuditBodyBytesMax)},
               {"status", reply.status}};
  if (request.caller.uid) json["uid"] = *request.caller.uid;
  const std::string line = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  parts_.operations.file.make_directory();
  const std::string path = parts_.operations.file.directory() + "/audit.jsonl";
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const bool written =
      file >= 0 && ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (!written)
    base::log::error("a change is missing in the audit log",
                     {{"path", path}, {"who", request.caller.who}, {"what", request.path}});
  if (file >= 0) ::close(file);
}

}  // namespace engine::control
