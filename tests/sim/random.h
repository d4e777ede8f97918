// SPDX-License-Identifier: GPL-3.0-or-later
// Chance from a seed, the same on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sim {

class Random {
 public:
  // Mixed first: two plain seeds would give the same numbers, one a few steps behind the other.
  explicit Random(std::uint64_t seed) : state_(mix(seed + 0x632be59bd9b4e019ULL)) {}

  // splitmix64
  std::uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15ULL); }
  // 0 … bound-1; 0 for a bound of 0.
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : next() % bound; }
  // from … to, both possible.
  std::size_t between(std::size_t from, std::size_t to) { return from + below(to - from + 1); }
  bool chance(unsigned permille) { return permille > 0 && below(1000) < permille; }
  // Mostly small, now and then up to `most`: every order of magnitude is as likely.
  std::size_t size(std::size_t most) {
    std::size_t bound = 1;
    while (bound < most && chance(800)) bound *= 4;
    return below(bound < most ? bound + 1 : most + 1);
  }
  template <typename T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }
  template <typename T>
  void shuffle(std::vector<T>& list) {
    for (std::size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[below(i)]);
  }

 private:
  static std::uint64_t mix(std::uint64_t value) {
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31U);
  }

  std::uint64_t state_;
};

}  // namespace sim
