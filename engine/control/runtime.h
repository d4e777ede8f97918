// SPDX-License-Identifier: GPL-3.0-or-later
// What was asked for while the engine ran, beside proxy.toml: services that were deployed or added,
// and for services of any layer their gates, weights and shares of a rollout. Plain data, and its
// form in state.json.
#pragma once

#include <expected>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "engine/route/gate.h"

namespace engine::control {

using Json = nlohmann::json;

struct RuntimeService {
  // As people write targets: "10.0.0.4:8080", "https://app:443", "unix:/run/app.sock".
  struct Targets {
    std::vector<std::string> writers, readers;
    bool operator==(const Targets&) const = default;
  };

  std::string origin;              // "deploy" or "added"
  std::vector<std::string> sites;  // keys: "shop.example.com/docs"
  bool strip_prefix = false;       // each site's own prefix is taken off
  Json options = Json::object();   // the long form of a site, as in proxy.toml
  Targets active;
  Targets rollout;  // deployed beside the active ones

  bool operator==(const RuntimeService&) const = default;
};

// Which clients get the targets of a rollout.
struct RolloutShare {
  double percent = 0;                   // 0…100
  std::vector<std::string> allow_list;  // values of the cookie
  bool operator==(const RolloutShare&) const = default;
};

// Instead of what the configuration says of one target of a service.
struct TargetWish {
  std::optional<unsigned> weight;  // 0…1000
  bool enabled = true;
  bool operator==(const TargetWish&) const = default;
};

struct Runtime {
  std::map<std::string, RuntimeService> services;   // by name
  std::map<std::string, route::Gate> gates;         // by service; those not Running
  std::map<std::string, RolloutShare> rollouts;     // by service
  std::map<std::string, TargetWish> target_wishes;  // by "service@target"

  bool operator==(const Runtime&) const = default;
};

inline constexpr int kRuntimeVersion = 1;
// Whose value decides about a rollout.
inline constexpr const char* kRolloutCookie = "kamal-rollout";

[[nodiscard]] Json to_json(const Runtime& runtime);
// The error says what is wrong with it.
[[nodiscard]] std::expected<Runtime, std::string> runtime_of(const Json& json);

// The sites of a service as the configuration would have them, on its `defaults`: checked the same
// way. The error has every problem, with "field" paths for positions.
[[nodiscard]] std::expected<std::vector<config::Site>, std::vector<config::Diagnostic>> sites_of(
    const std::string& name, const RuntimeService& service, const config::SiteDefaults& defaults);

// Whether it can be the name of a service: 1 to 200 characters, letters, digits and "-._*/[]:".
[[nodiscard]] bool is_service_name(std::string_view name);

}  // namespace engine::control
