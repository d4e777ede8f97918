// SPDX-License-Identifier: GPL-3.0-or-later
// A deploy from its request to its end: the new targets prove that they are up, take the place of
// the old ones at once, and the old ones drain. What fails before that leaves everything as it was.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/async/await.h"
#include "engine/control/events.h"
#include "engine/control/metrics.h"
#include "engine/control/services.h"
#include "engine/control/target_tls.h"

namespace engine::control {

struct DeployRequest {
  std::string service;
  RuntimeService::Targets targets;
  std::optional<std::vector<std::string>> sites;  // absent: those it has, or "*" for a new one
  std::optional<Json> options;                    // the same way
  std::optional<bool> strip_prefix;
  base::Time timeout = 30 * base::kSecond;  // until all new targets are up
  DrainTimes drain{.requests = 30 * base::kSecond, .tunnels = 30 * base::kSecond};
  bool force = false;    // nobody waits for health
  bool rollout = false;  // beside the active targets
};

// State     waits for                                   ends by
// Probing   every new target to be up, the timeout      Draining, Failed, Aborted
// Draining  streams of the old targets, their time      Done
// Done, Failed, Aborted
class Deploy {
 public:
  enum class State : std::uint8_t { Probing, Draining, Done, Failed, Aborted };

  struct Event {
    std::string name;
    Json details;
  };

  Deploy(std::string id, DeployRequest request)
      : id_(std::move(id)), request_(std::move(request)) {}

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const DeployRequest& request() const { return request_; }
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool over() const { return state_ >= State::Done; }
  // From the first one; grows until the deploy is over.
  [[nodiscard]] const std::vector<Event>& events() const { return events_; }
  [[nodiscard]] async::Event& changed() { return changed_; }
  [[nodiscard]] Json to_json() const;

 private:
  friend class Deploys;

  void add(std::string name, Json details);
  void set_state(State state);

  std::string id_;
  DeployRequest request_;
  State state_ = State::Probing;
  std::vector<Event> events_;
  async::Event changed_;
  base::Time started_ = 0;      // loop clock
  std::string started_at_;      // RFC 3339
  std::string cause_;           // of a failure
  std::size_t proven_ = 0;      // targets
  std::string unproven_cause_;  // the last one's
  std::string unproven_hint_;
  bool unanswered_ = false;  // that one did not answer at all
  bool abort_asked_ = false;
};

[[nodiscard]] std::string_view name_of(Deploy::State state);

class Deploys {
 public:
  using DeployPtr = std::shared_ptr<Deploy>;
  static constexpr std::size_t kKept = 50;  // those that are over

  Deploys(async::Scope& scope, State& state, Services& services, Resolver& resolver,
          TargetTlsContexts& target_tls, Events& events)
      : scope_(scope),
        state_(state),
        services_(services),
        resolver_(resolver),
        target_tls_(target_tls),
        events_(events) {}
  Deploys(const Deploys&) = delete;
  Deploys& operator=(const Deploys&) = delete;

  // Checks the request and begins. One at a time for each service.
  [[nodiscard]] std::expected<DeployPtr, Refusal> start(DeployRequest request);
  [[nodiscard]] DeployPtr find(const std::string& id) const;
  [[nodiscard]] std::vector<DeployPtr> list() const;
  // By service and how they ended; since the start.
  [[nodiscard]] const std::vector<DeployFigures>& figures() const { return figures_; }
  // Before the swap; later it is refused.
  [[nodiscard]] std::expected<void, Refusal> abort(const std::string& id);

 private:
  struct Candidate {
    std::shared_ptr<const route::Target> target;
    config::Health health;
  };

  [[nodiscard]] std::expected<Runtime, Refusal> plan(const DeployRequest& request) const;
  [[nodiscard]] std::expected<std::vector<Candidate>, Refusal> candidates_of(
      const DeployRequest& request, const Runtime& next) const;
  [[nodiscard]] std::shared_ptr<const route::Addresses> addresses_of(const route::Target& target);
  void look_up(const std::string& id, const std::vector<Candidate>& candidates);
  void forget(const std::string& id);

  [[nodiscard]] RuntimeService::Targets targets_in_force(const DeployRequest& request) const;

  async::Task<void> run(DeployPtr deploy, std::vector<Candidate> candidates);
  async::Task<bool> prove_all(DeployPtr deploy, std::vector<Candidate> candidates);
  async::Task<void> prove(DeployPtr deploy, Candidate candidate, base::Time deadline);
  async::Task<bool> resolve(DeployPtr deploy, Candidate candidate, base::Time deadline);
  async::Task<void> swap(DeployPtr deploy);
  void note_end(const Deploy& deploy);
  void fail(Deploy& deploy, int exit_code, std::string cause, std::string hint);

  async::Scope& scope_;
  State& state_;
  Services& services_;
  Resolver& resolver_;
  TargetTlsContexts& target_tls_;
  Events& events_;
  std::map<std::uint64_t, DeployPtr> deploys_;
  std::vector<DeployFigures> figures_;
  // Names that deploys under way want resolved.
  std::map<std::string, std::vector<std::shared_ptr<const route::Target>>> looked_up_;
  std::uint64_t count_ = 0;
};

}  // namespace engine::control
