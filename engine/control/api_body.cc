// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/api_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/units.h"

namespace engine::control {

ApiBody::ApiBody(const std::string& text) : json_(Json::object()) {
  if (text.empty()) return;
  try {
    json_ = Json::parse(text);
  } catch (const Json::parse_error& error) {
    refuse("", fmt::format("the body is not JSON: at byte {} of it", error.byte));
    json_ = Json::object();
  }
  if (!json_.is_object()) {
    refuse("", "the body must be a JSON object");
    json_ = Json::object();
  }
}

void ApiBody::refuse(std::string field, std::string detail) {
  if (!refusal_)
    refusal_ = Refusal{.status = 400, .detail = std::move(detail), .field = std::move(field)};
}

const Json* ApiBody::find(const char* name) {
  asked_.emplace_back(name);
  const auto found = json_.find(name);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> ApiBody::string(const char* name) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  refuse(name, fmt::format("\"{}\" must be a string", name));
  return std::nullopt;
}

std::optional<std::vector<std::string>> ApiBody::strings(const char* name) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_array() && std::ranges::all_of(*value, [](const Json& v) { return v.is_string(); }))
    return value->get<std::vector<std::string>>();
  refuse(name, fmt::format("\"{}\" must be a list of strings", name));
  return std::nullopt;
}

std::optional<bool> ApiBody::boolean(const char* name) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  refuse(name, fmt::format("\"{}\" must be true or false", name));
  return std::nullopt;
}

std::optional<double> ApiBody::number(const char* name, double least, double most) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_number()) {
    const auto number = value->get<double>();
    if (number >= least && number <= most) return number;
  }
  refuse(name, fmt::format("\"{}\" must be a number from {} to {}", name, least, most));
  return std::nullopt;
}

std::optional<base::Time> ApiBody::duration(const char* name) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) {
    const auto parsed = config::parse_duration(value->get<std::string>());
    if (parsed) return parsed->count() * base::kMillisecond;
  }
  refuse(name, fmt::format("\"{}\" must be a duration such as \"30s\", \"500ms\" or \"2m\"", name));
  return std::nullopt;
}

std::optional<Json> ApiBody::object(const char* name) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_object()) return *value;
  refuse(name, fmt::format("\"{}\" must be an object", name));
  return std::nullopt;
}

std::optional<Refusal> ApiBody::refusal() const {
  if (refusal_) return refusal_;
  for (const auto& [name, value] : json_.items()) {
    if (std::ranges::find(asked_, name) != asked_.end()) continue;
    return Refusal{.status = 400,
                   .detail = fmt::format("\"{}\" means nothing here", name),
                   .field = name,
                   .known = asked_};
  }
  return std::nullopt;
}

}  // namespace engine::control
