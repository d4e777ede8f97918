// SPDX-License-Identifier: GPL-3.0-or-later
// /v1/services, /v1/deploys, /v1/targets and /v1/routes.
#include <cmath>
#include <utility>

#include "config/site_key.h"
#include "engine/control/api.h"

namespace engine::control {
namespace {

constexpr base::Time kDrainDefault = 30 * base::kSecond;
constexpr base::Time kMaxPauseDefault = 30 * base::kSecond;

// Tunnels get what requests get, unless they get a time of their own.
DrainTimes drain_of(ApiBody& body) {
  const base::Time requests = body.duration("drain").value_or(kDrainDefault);
  return {.requests = requests, .tunnels = body.duration("tunnel_drain").value_or(requests)};
}

std::expected<DrainTimes, Refusal> drain_of(const ApiRequest& request) {
  Json json = Json::object();
  for (const auto& [name, value] : request.query) json[name] = value;
  ApiBody query(json.dump());
  const DrainTimes drain = drain_of(query);
  if (auto refusal = query.refusal()) return std::unexpected(std::move(*refusal));
  return drain;
}

std::expected<DeployRequest, Refusal> deploy_of(ApiBody& body) {
  DeployRequest request;
  request.targets.writers = body.strings("targets").value_or(std::vector<std::string>());
  request.targets.readers = body.strings("read_targets").value_or(std::vector<std::string>());
  request.sites = body.strings("sites");
  request.options = body.object("options");
  request.strip_prefix = body.boolean("strip_prefix");
  request.timeout = body.duration("timeout").value_or(request.timeout);
  request.drain = drain_of(body);
  request.force = body.boolean("force").value_or(false);
  request.rollout = body.boolean("rollout").value_or(false);
  const auto service = body.string("service");
  if (auto refusal = body.refusal()) return std::unexpected(std::move(*refusal));
  if (request.targets.writers.empty())
    return std::unexpected(
        Refusal{.status = 400, .detail = "a deploy needs a target", .field = "targets"});
  if (request.sites) {
    for (std::string& site : *request.sites) {
      auto key = config::parse_site_key(site);
      if (!key)
        return std::unexpected(Refusal{.status = 422,
                                       .detail = key.error().message,
                                       .hint = key.error().hint,
                                       .field = "sites"});
      site = std::move(key->text);
    }
  }
  const bool has_site = request.sites && !request.sites->empty();
  request.service =
      service.value_or(has_site ? request.sites->front() : request.targets.writers.front());
  if (!is_service_name(request.service))
    return std::unexpected(Refusal{.status = 400,
                                   .detail = "\"" + request.service + "\" cannot name a service",
                                   .hint = "use letters, digits, \"-\", \"_\" and \".\"",
                                   .field = "service"});
  return request;
}

}  // namespace

ApiReply Api::service_reply(const std::string& service, const Verbs::Result& result) const {
  if (!result) return reply_of(result.error());
  Json json = {{"generation", parts_.operations.state.generation()},
               {"drained", result->cut == 0},
               {"cut", result->cut}};
  if (parts_.operations.services.exists(service))
    json["service"] = parts_.operations.views.service(service);
  return changed(std::move(json));
}

Api::Reply Api::answer_services(ApiRequest request) {
  constexpr std::string_view kPrefix = "/v1/services";
  Operations& operations = parts_.operations;
  std::string rest = request.path.substr(kPrefix.size());
  if (rest.empty()) {
    if (request.method == "GET") co_return changed(operations.views.services());
    co_return no_such_path(request);
  }
  rest.erase(0, 1);
  if (request.method == "GET") {
    if (!operations.services.exists(rest))
      co_return reply_of(operations.services.unknown(rest).error());
    co_return changed(operations.views.service(rest));
  }
  if (request.method == "DELETE") {
    const auto drain = drain_of(request);
    if (!drain) co_return reply_of(drain.error());
    const Verbs::Result result = co_await operations.verbs.remove(rest, *drain);
    co_return service_reply(rest, result);
  }
  const std::size_t colon = rest.rfind(':');
  if (request.method != "POST" || colon == rest.npos) co_return no_such_path(request);
  ApiReply reply = co_await answer_service_verb(rest.substr(0, colon), rest.substr(colon + 1),
                                                std::move(request));
  co_return reply;
}

Api::Reply Api::answer_service_verb(std::string service, std::string verb, ApiRequest request) {
  Verbs& verbs = parts_.operations.verbs;
  ApiBody body(request.body);
  const DrainTimes drain = drain_of(body);
  const auto max_pause = body.duration("max_pause");
  const auto message = body.string("message");
  const auto percent = body.number("percent", 0, 100);
  const auto list = body.strings("list");
  if (const auto refusal = body.refusal()) co_return reply_of(*refusal);
  if (verb == "pause") {
    const Verbs::Result result =
        co_await verbs.pause(service, max_pause.value_or(kMaxPauseDefault), drain);
    co_return service_reply(service, result);
  }
  if (verb == "stop" || verb == "maintenance") {
    const Verbs::Result result = co_await verbs.stop(service, message.value_or(""), drain);
    co_return service_reply(service, result);
  }
  if (verb == "promote") {
    const Verbs::Result result = co_await verbs.promote(service, drain);
    co_return service_reply(service, result);
  }
  if (verb == "abort") {
    const Verbs::Result result = co_await verbs.abort_rollout(service, drain);
    co_return service_reply(service, result);
  }
  std::expected<void, Refusal> done;
  if (verb == "resume")
    done = verbs.resume(service);
  else if (verb == "rollout")
    done = verbs.set_rollout(service, percent, list);
  else if (verb == "rollout-stop")
    done = verbs.stop_rollout(service);
  else
    co_return no_such_path(request);
  if (!done) co_return reply_of(done.error());
  co_return service_reply(service, Drained());
}

ApiReply Api::answer_deploys(const ApiRequest& request) {
  constexpr std::string_view kPrefix = "/v1/deploys";
  Deploys& deploys = parts_.operations.deploys;
  std::string rest = request.path.substr(kPrefix.size());
  if (rest.empty() && request.method == "GET") {
    Json list = Json::array();
    for (const auto& deploy : deploys.list()) list.push_back(deploy->to_json());
    return json_reply({{"deploys", std::move(list)}});
  }
  if (rest.empty() && request.method == "POST") {
    ApiBody body(request.body);
    auto wanted = deploy_of(body);
    if (!wanted) return reply_of(wanted.error());
    const auto deploy = deploys.start(std::move(*wanted));
    if (!deploy) return reply_of(deploy.error());
    Json json = (*deploy)->to_json();
    const std::string place = std::string(kPrefix) + "/" + (*deploy)->id();
    json["events"] = place;
    ApiReply reply = json_reply(json, 202);
    reply.fields.emplace_back("Location", place);
    return reply;
  }
  if (!rest.starts_with('/')) return no_such_path(request);
  rest.erase(0, 1);
  if (request.method == "POST" && rest.ends_with(":abort")) {
    rest.resize(rest.size() - std::string_view(":abort").size());
    const auto done = deploys.abort(rest);
    return done ? json_reply(Json::object(), 202) : reply_of(done.error());
  }
  const auto deploy = deploys.find(rest);
  if (request.method != "GET" || deploy == nullptr)
    return reply_of({.status = 404, .detail = "there is no deploy \"" + rest + "\""});
  Json json = deploy->to_json();
  json["events"] = Json::array();
  for (const Deploy::Event& event : deploy->events())
    json["events"].push_back({{"event", event.name}, {"data", event.details}});
  return json_reply(json);
}

Api::Reply Api::answer_targets(ApiRequest request) {
  constexpr std::string_view kPrefix = "/v1/targets";
  Operations& operations = parts_.operations;
  std::string id = request.path.substr(kPrefix.size());
  if (id.empty()) {
    if (request.method != "GET") co_return no_such_path(request);
    co_return changed(operations.views.targets());
  }
  id.erase(0, 1);
  if (request.method != "PATCH") co_return no_such_path(request);
  ApiBody body(request.body);
  const auto weight = body.number("weight", 0, config::kWeightMax);
  const auto enabled = body.boolean("enabled");
  const bool drains = body.has("drain");
  const DrainTimes drain = drain_of(body);
  if (const auto refusal = body.refusal()) co_return reply_of(*refusal);
  auto wish = operations.verbs.wish_of(id);
  if (!wish) co_return reply_of(wish.error());
  Drained drained;
  if (drains) {
    const Verbs::Result result = co_await operations.verbs.drain_target(id, drain);
    if (!result) co_return reply_of(result.error());
    drained = *result;
  } else {
    if (weight) wish->weight = static_cast<unsigned>(std::lround(*weight));
    if (enabled) wish->enabled = *enabled;
    if (const auto done = operations.verbs.set_target(id, *wish); !done)
      co_return reply_of(done.error());
  }
  co_return service_reply(id.substr(0, id.find('@')), drained);
}

Api::Reply Api::answer_routes(ApiRequest request) {
  constexpr std::string_view kPrefix = "/v1/routes";
  Operations& operations = parts_.operations;
  std::string site = request.path.substr(kPrefix.size());
  if (site.empty()) {
    if (request.method != "GET") co_return no_such_path(request);
    co_return changed(operations.views.routes());
  }
  site.erase(0, 1);
  if (request.method == "DELETE") {
    const std::string owner = operations.services.owner_of(site);
    if (owner.empty()) co_return reply_of(refusal(404, "there is no site \"" + site + "\""));
    const auto drain = drain_of(request);
    if (!drain) co_return reply_of(drain.error());
    const Verbs::Result result = co_await operations.verbs.remove(owner, *drain);
    co_return service_reply(owner, result);
  }
  if (request.method != "PUT") co_return no_such_path(request);
  ApiBody body(request.body);
  if (body.wrong()) co_return reply_of(*body.wrong());
  const bool force = request.query.contains("force");
  if (const auto done = operations.verbs.add(site, body.whole(), force); !done)
    co_return reply_of(done.error());
  co_return service_reply(site, Drained());
}

}  // namespace engine::control
