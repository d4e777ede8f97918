// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/places.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace engine::http {
namespace {

constexpr std::array<std::string_view, 2> kNames = {"{host}", "{id}"};
constexpr std::array<std::string_view, 2> kValues = {"a.test", "{host}"};

std::string filled(std::string_view text) {
  std::string out;
  fill_places(text, {kNames, kValues}, [&out](std::string_view piece) { out += piece; });
  return out;
}

TEST(Places, a_known_place_stands_for_its_value_and_what_is_none_stays) {
  const struct {
    std::string_view text, filled;
  } kCases[] = {
      {"", ""},
      {"plain", "plain"},
      {"{host}", "a.test"},
      {"x{host}y{host}", "xa.testya.test"},
      {"{hosts} {ho {host", "{hosts} {ho {host"},
      {"{{host}}", "{a.test}"},
      {"{HOST}", "{HOST}"},
      {"{id}", "{host}"},  // a value is not looked at again
  };
  for (const auto& c : kCases) EXPECT_EQ(filled(c.text), c.filled) << c.text;
}

TEST(Places, a_text_has_places_only_where_it_names_a_known_one) {
  EXPECT_TRUE(has_place("t={id}", kNames));
  for (const std::string_view text : {"", "id", "{i}", "{id", "{ID}"})
    EXPECT_FALSE(has_place(text, kNames)) << text;
}

}  // namespace
}  // namespace engine::http
