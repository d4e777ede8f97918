// SPDX-License-Identifier: GPL-3.0-or-later
// The JSON object that a request of the control API brings: typed values by name, and the first
// thing that is wrong with it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "engine/control/refusal.h"
#include "engine/control/runtime.h"

namespace engine::control {

// Every value may be absent. After the last one the caller asks for refusal().
class ApiBody {
 public:
  // An empty text is an empty object.
  explicit ApiBody(const std::string& text);

  [[nodiscard]] std::optional<std::string> string(const char* name);
  [[nodiscard]] std::optional<std::vector<std::string>> strings(const char* name);
  [[nodiscard]] std::optional<bool> boolean(const char* name);
  [[nodiscard]] std::optional<double> number(const char* name, double least, double most);
  // "30s", as in proxy.toml; nanoseconds.
  [[nodiscard]] std::optional<base::Time> duration(const char* name);
  [[nodiscard]] std::optional<Json> object(const char* name);
  [[nodiscard]] bool has(const char* name) const { return json_.contains(name); }
  // All of it, with any names.
  [[nodiscard]] const Json& whole() const { return json_; }

  // 400 with the field's name: of a wrong type, or one that was not asked for.
  [[nodiscard]] std::optional<Refusal> refusal() const;
  // The same, whatever other names there are.
  [[nodiscard]] const std::optional<Refusal>& wrong() const { return refusal_; }

 private:
  const Json* find(const char* name);
  void refuse(std::string field, std::string detail);

  Json json_;
  std::vector<std::string> asked_;
  std::optional<Refusal> refusal_;
};

}  // namespace engine::control
