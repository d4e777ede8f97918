// SPDX-License-Identifier: GPL-3.0-or-later
// What people do to a service that is there: close and open its gate, share its requests with a
// rollout, take targets out, remove it. Each is in force and kept when its task gives an answer, and
// what it drains has ended. On the control thread.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "engine/async/task.h"
#include "engine/control/events.h"
#include "engine/control/services.h"

namespace engine::control {

class Verbs {
 public:
  using Result = std::expected<Drained, Refusal>;

  Verbs(Services& services, Events& events) : services_(services), events_(events) {}
  Verbs(const Verbs&) = delete;
  Verbs& operator=(const Verbs&) = delete;

  // New requests wait, at most `max_pause`; those in flight get their time.
  async::Task<Result> pause(std::string service, base::Time max_pause, DrainTimes drain);
  // New requests get 503 and the message.
  async::Task<Result> stop(std::string service, std::string message, DrainTimes drain);
  std::expected<void, Refusal> resume(const std::string& service);

  // What is absent stays as it was.
  std::expected<void, Refusal> set_rollout(const std::string& service,
                                           std::optional<double> percent,
                                           std::optional<std::vector<std::string>> allow_list);
  // The new targets get nothing more, and stay.
  std::expected<void, Refusal> stop_rollout(const std::string& service);
  // The new targets become the active ones.
  async::Task<Result> promote(std::string service, DrainTimes drain);
  // The new targets go.
  async::Task<Result> abort_rollout(std::string service, DrainTimes drain);

  // A service that proxy.toml has is not removed here.
  async::Task<Result> remove(std::string service, DrainTimes drain);
  // The runtime service of one site, named like it. `force`: taken from another one of this layer.
  std::expected<void, Refusal> add(const std::string& site, Json long_form, bool force);

  // `id` is "service@target".
  std::expected<void, Refusal> set_target(const std::string& id, TargetWish wish);
  // Takes it out, and waits for its streams.
  async::Task<Result> drain_target(std::string id, DrainTimes drain);
  // As it is wished now; refused when there is no such target.
  [[nodiscard]] std::expected<TargetWish, Refusal> wish_of(const std::string& id) const;

 private:
  // `what` is a literal.
  async::Task<Result> end_rollout(std::string service, RuntimeService without,
                                  std::string_view what, DrainTimes drain);
  async::Task<Result> close_gate(std::string service, route::Gate gate, DrainTimes drain);
  [[nodiscard]] std::expected<RuntimeService, Refusal> rolling_out(
      const std::string& service) const;
  void tell(std::string kind, const std::string& service, std::string_view what);

  Services& services_;
  Events& events_;
  // A gate that was closed again, or opened, since: the earlier drain is void.
  std::map<std::string, std::uint64_t> gate_changes_;
};

}  // namespace engine::control
