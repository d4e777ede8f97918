// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/suggest.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "config/text.h"

namespace config {
namespace {

// Longer words are no misspelt keys; the bound keeps the tables below on the stack.
constexpr std::size_t kWordBytes = 32;

// Damerau–Levenshtein (optimal string alignment): insert, delete, replace, swap neighbours.
std::size_t distance(std::string_view a, std::string_view b) {
  std::array<std::array<std::size_t, kWordBytes + 1>, kWordBytes + 1> cost{};
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t replace = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({replace, cost[i - 1][j] + 1, cost[i][j - 1] + 1});
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> known) {
  if (word.empty() || word.size() > kWordBytes) return {};
  std::string folded = lower(word);
  std::ranges::replace(folded, '-', '_');
  std::size_t best = word.size() <= 3 ? 2 : 3;  // the first distance that is too far
  std::string_view found;
  for (std::string_view candidate : known) {
    if (candidate.size() > kWordBytes) continue;
    std::string target(candidate);
    std::ranges::replace(target, '-', '_');
    std::size_t mistakes = distance(folded, target);
    if (mistakes >= best || mistakes >= candidate.size()) continue;
    best = mistakes;
    found = candidate;
  }
  return found;
}

}  // namespace config
