// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/balance.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "engine/base/check.h"
#include "engine/route/hash.h"

namespace engine::route {
namespace {

// The question of one request, as every kind of balancing asks it.
class Choice {
 public:
  Choice(std::span<const WeightedTarget> targets, std::span<const Load> loads,
         BalanceState& state) noexcept
      : targets_(targets), loads_(loads), state_(state), count_(size_of(targets)) {}

  std::uint32_t first() const noexcept {
    std::uint32_t at = 0;
    while (at < count_ && !usable(at)) ++at;
    return at < count_ ? at : kNoTarget;
  }

  // Two targets drawn by weight; the less loaded one of them. Herds less than taking the least
  // loaded of all.
  std::uint32_t p2c() noexcept {
    const std::uint64_t total = usable_weight(kNoTarget);
    if (total == 0) return kNoTarget;
    const std::uint32_t one = at_weight(draw(total), kNoTarget);
    const std::uint64_t rest = total - targets_[one].weight;
    if (rest == 0) return one;
    const std::uint32_t two = at_weight(draw(rest), one);
    return less_loaded(two, one) ? two : one;
  }

  // Equals are drawn by weight.
  std::uint32_t least_conn() noexcept {
    std::uint32_t best = kNoTarget;
    std::uint64_t weight_of_equals = 0;
    for (std::uint32_t at = 0; at < count_; ++at) {
      if (!usable(at) || (best != kNoTarget && less_loaded(best, at))) continue;
      if (best == kNoTarget || less_loaded(at, best)) weight_of_equals = 0;
      weight_of_equals += weight(at);
      if (draw(weight_of_equals) < weight(at)) best = at;
    }
    return best;
  }

  // Every target comes as often as its weight in a cycle. Where weights differ, a stride near the
  // golden ratio of the cycle spreads each target's turns instead of giving them in a row.
  std::uint32_t round_robin() noexcept {
    const std::uint64_t total = usable_weight(kNoTarget);
    if (total == 0) return kNoTarget;
    const std::uint64_t turn = state_.next++;
    if (equal_weights())
      return at_weight(turn % (total / weight(first())) * weight(first()), kNoTarget);
    return at_weight(turn % total * stride(total) % total, kNoTarget);
  }

  // Weighted rendezvous: every target gets a score from the key; the best usable one wins, so that
  // a target that goes moves only its own keys. -weight/ln(u) makes the share proportional to the
  // weight.
  std::uint32_t hashed(std::string_view key) const noexcept {
    std::uint32_t best = kNoTarget;
    double best_score = 0;
    for (std::uint32_t at = 0; at < count_; ++at) {
      if (!usable(at)) continue;
      const double score = -static_cast<double>(weight(at)) / std::log(unit(hash(key, at)));
      if (best == kNoTarget || score > best_score) {
        best = at;
        best_score = score;
      }
    }
    return best;
  }

 private:
  static std::uint32_t size_of(std::span<const WeightedTarget> targets) noexcept {
    return static_cast<std::uint32_t>(targets.size());
  }
  std::uint32_t weight(std::uint32_t at) const noexcept { return targets_[at].weight; }
  bool usable(std::uint32_t at) const noexcept { return loads_[at].usable && weight(at) > 0; }

  bool less_loaded(std::uint32_t a, std::uint32_t b) const noexcept {
    return std::uint64_t{loads_[a].inflight} * weight(b) <
           std::uint64_t{loads_[b].inflight} * weight(a);
  }

  std::uint64_t usable_weight(std::uint32_t except) const noexcept {
    std::uint64_t total = 0;
    for (std::uint32_t at = 0; at < count_; ++at) {
      if (at != except && usable(at)) total += weight(at);
    }
    return total;
  }

  // The usable target that `point` falls on when they lie side by side, each as wide as its weight.
  std::uint32_t at_weight(std::uint64_t point, std::uint32_t except) const noexcept {
    for (std::uint32_t at = 0; at < count_; ++at) {
      if (at == except || !usable(at)) continue;
      if (point < weight(at)) return at;
      point -= weight(at);
    }
    return kNoTarget;
  }

  bool equal_weights() const noexcept {
    const std::uint32_t one = weight(first());
    for (std::uint32_t at = 0; at < count_; ++at) {
      if (usable(at) && weight(at) != one) return false;
    }
    return true;
  }

  // Coprime to the cycle, so that every point is visited once.
  static std::uint64_t stride(std::uint64_t cycle) noexcept {
    std::uint64_t step = std::max<std::uint64_t>(1, cycle * 618 / 1000);
    while (std::gcd(step, cycle) != 1) ++step;
    return step;
  }

  // xorshift64*; below `limit`.
  std::uint64_t draw(std::uint64_t limit) noexcept {
    std::uint64_t& x = state_.random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(x * 0x2545f4914f6cdd1d) * limit) >> 64);
  }

  std::uint64_t hash(std::string_view key, std::uint32_t at) const noexcept {
    return hash_bytes(kPublicSecret, key, targets_[at].target->key_hash());
  }

  // Strictly between 0 and 1, so that its logarithm is neither 0 nor infinite.
  static double unit(std::uint64_t hash) noexcept {
    return (static_cast<double>(hash >> 12) + 0.5) * 0x1p-52;
  }

  std::span<const WeightedTarget> targets_;
  std::span<const Load> loads_;
  BalanceState& state_;
  std::uint32_t count_;
};

}  // namespace

std::uint32_t choose(Balance balance, std::span<const WeightedTarget> targets,
                     std::span<const Load> loads, std::string_view hash_key,
                     BalanceState& state) noexcept {
  ENSURE(targets.size() == loads.size(), "the loads do not run parallel to the targets");
  Choice choice(targets, loads, state);
  switch (balance) {
    case Balance::P2c: return choice.p2c();
    case Balance::RoundRobin: return choice.round_robin();
    case Balance::LeastConn: return choice.least_conn();
    case Balance::HashClientIp:
    case Balance::HashHeader:
    case Balance::HashCookie: return hash_key.empty() ? choice.p2c() : choice.hashed(hash_key);
    case Balance::First: return choice.first();
  }
  return kNoTarget;
}

}  // namespace engine::route
