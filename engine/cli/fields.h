// SPDX-License-Identifier: GPL-3.0-or-later
// What an answer of the API says, read without trust: a field that is missing or of another type
// reads as empty, so that an older or newer engine never ends the command line.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace engine::cli {

using Json = nlohmann::ordered_json;  // fields stay in the order in which the engine wrote them

// null when it is no JSON.
[[nodiscard]] Json parse_json(std::string_view text);

// One line, or indented. Octets that are no UTF-8 are shown as U+FFFD.
[[nodiscard]] std::string json_line(const Json& json);
[[nodiscard]] std::string json_page(const Json& json);

// null when there is none.
[[nodiscard]] const Json& field(const Json& object, const char* name);

// The elements of an array; an empty array when it is none.
[[nodiscard]] const Json& list_in(const Json& object, const char* name);

[[nodiscard]] std::string text_in(const Json& object, const char* name);
[[nodiscard]] std::int64_t number_in(const Json& object, const char* name);
[[nodiscard]] double seconds_in(const Json& object, const char* name);
[[nodiscard]] bool is_true(const Json& object, const char* name);
[[nodiscard]] std::vector<std::string> texts_in(const Json& object, const char* name);

}  // namespace engine::cli
