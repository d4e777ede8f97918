// SPDX-License-Identifier: GPL-3.0-or-later
// Text with places in it, such as "https://example.com{uri}": each known place stands for a value of
// the request. What is no known place stays as it is. It knows no place by itself.
#pragma once

#include <algorithm>
#include <span>
#include <string_view>

namespace engine::http {

// Names with their braces, and for each its value at the same position.
struct Places {
  std::span<const std::string_view> names = {};
  std::span<const std::string_view> values = {};
};

// Hands `text`, with the values in their places, to `put` piece by piece.
template <typename Put>
void fill_places(std::string_view text, const Places& places, Put&& put) {
  while (!text.empty()) {
    const std::size_t brace = std::min(text.find('{'), text.size());
    put(text.substr(0, brace));
    text.remove_prefix(brace);
    if (text.empty()) return;
    const auto named = [&](std::string_view name) { return text.starts_with(name); };
    const auto found = std::ranges::find_if(places.names, named);
    const bool known = found != places.names.end();
    put(known ? places.values[static_cast<std::size_t>(found - places.names.begin())]
              : text.substr(0, 1));
    text.remove_prefix(known ? found->size() : 1);
  }
}

// Whether any of these places is in `text`.
[[nodiscard]] inline bool has_place(std::string_view text,
                                    std::span<const std::string_view> names) {
  return std::ranges::any_of(names, [&](std::string_view name) { return text.contains(name); });
}

}  // namespace engine::http
