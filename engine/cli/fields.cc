// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/fields.h"

namespace engine::cli {
namespace {

constexpr auto kReplace = Json::error_handler_t::replace;

}  // namespace

Json parse_json(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_discarded() ? Json() : json;
}

std::string json_line(const Json& json) { return json.dump(-1, ' ', false, kReplace); }

std::string json_page(const Json& json) { return json.dump(2, ' ', false, kReplace); }

const Json& field(const Json& object, const char* name) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

const Json& list_in(const Json& object, const char* name) {
  static const Json kNone = Json::array();
  const Json& found = field(object, name);
  return found.is_array() ? found : kNone;
}

std::string text_in(const Json& object, const char* name) {
  const Json& found = field(object, name);
  return found.is_string() ? found.get<std::string>() : std::string();
}

std::int64_t number_in(const Json& object, const char* name) {
  const Json& found = field(object, name);
  return found.is_number_integer() ? found.get<std::int64_t>() : 0;
}

double seconds_in(const Json& object, const char* name) {
  const Json& found = field(object, name);
  return found.is_number() ? found.get<double>() : 0;
}

bool is_true(const Json& object, const char* name) {
  const Json& found = field(object, name);
  return found.is_boolean() && found.get<bool>();
}

std::vector<std::string> texts_in(const Json& object, const char* name) {
  std::vector<std::string> all;
  for (const Json& item : list_in(object, name)) {
    if (item.is_string()) all.push_back(item.get<std::string>());
  }
  return all;
}

}  // namespace engine::cli
