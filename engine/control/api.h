// SPDX-License-Identifier: GPL-3.0-or-later
// The control API: which request does what. How requests come in and answers leave is the server's
// (api_server.h); who may ask is the guard's (api_guard.h). Paths and bodies: docs/control-api.md.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "engine/async/task.h"
#include "engine/control/api_body.h"
#include "engine/control/api_reply.h"
#include "engine/control/api_request.h"
#include "engine/control/api_server.h"
#include "engine/control/operations.h"

namespace engine::control {

class Api {
 public:
  struct Parts {
    Operations& operations;
    Reload& reload;
    // Reads the configuration again and watches what it names.
    std::function<ReloadReport(const std::string& reason)> run_reload;
    std::function<Json()> info;            // what the process is: version, pid, workers, …
    std::function<Json()> status;          // what it does: connections, requests, certificates
    std::function<std::string()> metrics;  // Prometheus text
    std::function<bool()> draining;
  };

  explicit Api(Parts parts) : parts_(std::move(parts)) {}
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  async::Task<void> handle(ApiRequest request, ApiWriter& writer);

 private:
  using Reply = async::Task<ApiReply>;

  // api.cc
  Reply answer(ApiRequest request);
  [[nodiscard]] ApiReply answer_health(const std::string& path) const;
  [[nodiscard]] ApiReply status() const;
  async::Task<void> stream_events(ApiRequest request, ApiWriter& writer);
  async::Task<void> stream_deploy(Deploys::DeployPtr deploy, ApiWriter& writer);
  void audit(const ApiRequest& request, const ApiReply& reply) const;
  [[nodiscard]] ApiReply changed(Json json) const;  // with the ETag of now

  // api_config.cc
  [[nodiscard]] ApiReply answer_config(const ApiRequest& request);
  [[nodiscard]] ApiReply reloaded(const ReloadReport& report) const;
  [[nodiscard]] ApiReply answer_explain(const ApiRequest& request) const;

  // api_live.cc
  Reply answer_connections(ApiRequest request);
  [[nodiscard]] ApiReply answer_log_level(const ApiRequest& request) const;
  [[nodiscard]] std::expected<route::TapFilter, ApiReply> admit_tap(
      const ApiRequest& request) const;
  async::Task<void> stream_tap(ApiRequest request, ApiWriter& writer);

  // api_services.cc
  Reply answer_services(ApiRequest request);
  Reply answer_service_verb(std::string service, std::string verb, ApiRequest request);
  Reply answer_targets(ApiRequest request);
  Reply answer_routes(ApiRequest request);
  [[nodiscard]] ApiReply answer_deploys(const ApiRequest& request);
  [[nodiscard]] ApiReply service_reply(const std::string& service,
                                       const Verbs::Result& result) const;

  Parts parts_;
};

// Whether it asks for more than a look.
[[nodiscard]] bool is_change(const std::string& method);
// application/problem+json.
[[nodiscard]] ApiReply reply_of(const Refusal& refusal);
[[nodiscard]] ApiReply json_reply(const Json& json, int status = 200);
[[nodiscard]] ApiReply no_such_path(const ApiRequest& request);

}  // namespace engine::control
