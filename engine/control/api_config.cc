// SPDX-License-Identifier: GPL-3.0-or-later
// /v1/config, /v1/reload, /v1/rollback and /v1/explain: the file layer.
#include <fstream>
#include <iterator>

#include "engine/control/api.h"
#include "engine/control/explain.h"

namespace engine::control {
namespace {

Json diagnostics_json(const std::vector<config::Diagnostic>& diagnostics) {
  return Json::parse(config::to_json(diagnostics));
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

ApiReply Api::reloaded(const ReloadReport& report) const {
  Json json = {{"generation", parts_.operations.state.generation()},
               {"added", report.diff.added},
               {"changed", report.diff.changed},
               {"removed", report.diff.removed},
               {"settings", report.diff.settings},
               {"needs_restart", report.needs_restart},
               {"diagnostics", diagnostics_json(report.diagnostics)}};
  if (report.ok) return changed(std::move(json));
  return reply_of({.status = 422,
                   .detail = report.cause,
                   .hint = report.fix,
                   .diagnostics = report.diagnostics});
}

ApiReply Api::answer_config(const ApiRequest& request) {
  Reload& reload = parts_.reload;
  const std::string& path = request.path;
  ApiBody body(request.method == "GET" ? std::string() : request.body);
  if (path == "/v1/config" && request.method == "GET") {
    return changed({{"path", reload.source().path},
                    {"text", text_of(reload.source().path)},
                    {"generation", parts_.operations.state.generation()}});
  }
  if (path == "/v1/config:check" && request.method == "POST") {
    const auto text = body.string("text");
    if (const auto refusal = body.refusal()) return reply_of(*refusal);
    const config::Result result =
        text ? config::load_text(*text, reload.source().path, config::Environment::process(),
                                 reload.source().overrides)
             : reload.source().load();
    return json_reply({{"ok", result.ok()}, {"diagnostics", diagnostics_json(result.diagnostics)}});
  }
  if (path == "/v1/config/history" && request.method == "GET") {
    Json list = Json::array();
    for (const Reload::Past& past : reload.history())
      list.push_back({{"generation", past.generation},
                      {"at", past.at},
                      {"reason", past.reason},
                      {"sites", past.config.sites.size()}});
    return json_reply({{"generations", std::move(list)}});
  }
  if (path == "/v1/reload" && request.method == "POST") {
    const bool dry_run = body.boolean("dry_run").value_or(false);
    if (const auto refusal = body.refusal()) return reply_of(*refusal);
    return reloaded(dry_run ? reload.try_out() : parts_.run_reload("control API"));
  }
  if (path == "/v1/rollback" && request.method == "POST") {
    const auto generation = body.number("generation", 0, 9e15);
    if (const auto refusal = body.refusal()) return reply_of(*refusal);
    return reloaded(reload.roll_back(static_cast<std::uint64_t>(generation.value_or(0))));
  }
  return no_such_path(request);
}

ApiReply Api::answer_explain(const ApiRequest& request) const {
  ApiBody body(request.body);
  Question question;
  question.method = body.string("method").value_or("GET");
  question.url = body.string("url").value_or("");
  if (const auto refusal = body.refusal()) return reply_of(*refusal);
  auto json = explain(parts_.operations.state.effective(), question);
  if (!json) return reply_of(json.error());
  if ((*json)["site"].is_string()) {
    const Json service = parts_.operations.views.service((*json)["service"]);
    (*json)["gate"] = service["state"];
    if ((*json)["answer"] == "proxy") (*json)["targets"] = service["targets"];
  }
  return json_reply(*json);
}

}  // namespace engine::control
