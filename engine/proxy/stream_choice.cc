// SPDX-License-Identifier: GPL-3.0-or-later
// Which target gets a stream's request, what its client is told about that, and what the outcome
// says about the target.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

#include "engine/base/log.h"
#include "engine/http/cookies.h"
#include "engine/proxy/stream.h"
#include "engine/proxy/upstream_pool.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

using Candidates = route::Candidates;

constexpr std::string_view kWriterCookie = "engine-writer";

// What a sticky cookie says: the hash of a target's key, in 16 hexadecimal digits.
std::optional<std::uint64_t> target_hash(std::string_view cookie) {
  std::uint64_t hash = 0;
  const char* const end = cookie.data() + cookie.size();
  const auto [parsed, error] = std::from_chars(cookie.data(), end, hash, 16);
  if (cookie.size() != 16 || error != std::errc() || parsed != end) return std::nullopt;
  return hash;
}

base::Time wall_milliseconds() { return base::wall_now() / base::kMillisecond; }

// Until when a client that wrote reads from writers, in milliseconds since 1970. Nobody was told a
// time further ahead than `affinity`.
bool is_ahead(std::string_view cookie, base::Time affinity) {
  base::Time until = 0;
  const char* const end = cookie.data() + cookie.size();
  const auto [parsed, error] = std::from_chars(cookie.data(), end, until);
  if (error != std::errc() || parsed != end) return false;
  const base::Time now = wall_milliseconds();
  return until > now && until - now <= affinity / base::kMillisecond;
}

// Max-Age counts in seconds, and 0 would take the cookie away (RFC 6265 section 5.2.2).
base::Time cookie_seconds(base::Time age) { return (age + base::kSecond - 1) / base::kSecond; }

}  // namespace

std::string_view Stream::cookie(std::string_view name) {
  if (name.empty() || is_passage_) return {};
  return http::cookie_value(head().fields, name);
}

std::string_view Stream::hash_key() {
  const route::Service& service = *service_->service;
  if (service.balance == route::Balance::HashClientIp) return client_address();
  if (is_passage_) return record_.host;
  if (service.balance == route::Balance::HashHeader)
    return http::find_field(head().fields, service.hash_name);
  if (service.balance == route::Balance::HashCookie) return cookie(service.hash_name);
  return {};
}

// A position in the service's targets. One target alone is chosen even without addresses, for the
// sake of the better error.
std::uint32_t Stream::choose_among_targets() {
  const route::Service& service = *service_->service;
  std::span<const route::WeightedTarget> targets = service.targets;
  targets = targets.first(std::min(targets.size(), route::kTargetsMax));
  const bool is_sticky = !service.sticky.cookie.empty() && !is_passage_;
  const std::optional<std::uint64_t> wanted =
      is_sticky ? target_hash(cookie(service.sticky.cookie)) : std::nullopt;
  std::uint32_t chosen = 0;
  if (targets.size() == 1 && targets[0].pool == route::Pool::Writers) {
    const bool tried = (tried_targets_ & 1) != 0;
    if (tried || !targets[0].health->up() || worker_.pool().target(targets[0]) == nullptr)
      return route::kNoTarget;
  } else {
    chosen = choose_from_pool(targets, wanted);
    if (chosen == route::kNoTarget) return chosen;
  }
  tells_target_ = is_sticky && wanted != targets[chosen].target->key_hash();
  return chosen;
}

std::uint32_t Stream::choose_from_pool(std::span<const route::WeightedTarget> targets,
                                       std::optional<std::uint64_t> wanted) {
  std::array<route::Load, route::kTargetsMax> loads;
  Candidates candidates;
  for (std::uint32_t at = 0; at < targets.size(); ++at) {
    const TargetState* const state = worker_.pool().target(targets[at]);
    candidates.add(at, targets[at].pool, state_of(at, state));
    if (state != nullptr) loads[at].inflight = state->inflight;
  }
  const route::Purpose purpose = purpose_for(candidates);
  const route::Pool pool = route::pool_for(purpose, candidates);
  const Candidates::Set usable = candidates.usable(pool);
  if (usable == 0) return route::kNoTarget;
  const bool new_ones = pool == route::Pool::NewWriters;
  tells_write_ = !purpose.reads && service_->service->read_split.affinity > 0 &&
                 candidates.has(new_ones ? route::Pool::NewReaders : route::Pool::Readers);
  for (std::uint32_t at = 0; at < targets.size(); ++at) {
    loads[at].usable = (usable >> at & 1) != 0;
    if (loads[at].usable && wanted == targets[at].target->key_hash()) return at;
  }
  return route::choose(service_->service->balance, targets, std::span(loads).first(targets.size()),
                       hash_key(), service_->balance);
}

Candidates::State Stream::state_of(std::uint32_t at, const TargetState* state) const {
  const route::TargetHealth& health = *service_->service->targets[at].health;
  const bool tried = (tried_targets_ >> at & 1) != 0;
  if (tried || !health.up() || state == nullptr || state->addresses->list.empty())
    return Candidates::State::Unable;
  return health.ejected(worker_.now()) ? Candidates::State::Ejected : Candidates::State::Able;
}

// Cookies are looked for only where they matter.
route::Purpose Stream::purpose_for(const Candidates& candidates) {
  const route::Service& service = *service_->service;
  const bool gets = method_ == http::Method::Get || method_ == http::Method::Head;
  route::Purpose purpose;
  purpose.reads = gets && (!upgrade_asked_ || service.read_split.takes_websockets);
  if (purpose.reads &&
      (candidates.has(route::Pool::Readers) || candidates.has(route::Pool::NewReaders)))
    purpose.wrote_just = is_ahead(cookie(kWriterCookie), service.read_split.affinity);
  purpose.rolled_out =
      service.rolls_out && route::covers(service.rollout, cookie(service.rollout.cookie));
  return purpose;
}

// The values of Set-Cookie that go with the target's response.
std::vector<std::string> Stream::own_cookies(const http::ResponseHead& response) const {
  std::vector<std::string> cookies;
  const route::Service& service = *service_->service;
  if (tells_target_) {
    std::string& text =
        cookies.emplace_back(fmt::format("{}={:016x}; Path=/; HttpOnly; SameSite=Lax",
                                         service.sticky.cookie, target_->target->key_hash()));
    if (service.sticky.ttl > 0)
      text += fmt::format("; Max-Age={}", cookie_seconds(service.sticky.ttl));
    if (client_.info().secure()) text += "; Secure";
  }
  const std::string_view wish = http::find_field(response.fields, http::FieldName::XWriterAffinity);
  if (tells_write_ && !http::equals_ignoring_case(wish, "false")) {
    const base::Time affinity = service.read_split.affinity;
    cookies.push_back(
        fmt::format("{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}", kWriterCookie,
                    wall_milliseconds() + affinity / base::kMillisecond, cookie_seconds(affinity)));
  }
  return cookies;
}

void Stream::note_success() {
  if (service_->service->outlier.errors > 0) health_->note_success();
}

void Stream::note_failure(std::string_view why) {
  const route::Service& service = *service_->service;
  ++tally().failures;
  // Without others it would be used all the same.
  if (service.targets.size() < 2 || !health_->note_failure(worker_.now(), service.outlier)) return;
  const base::Time left = health_->ejected_until() - worker_.now();
  base::log::warn("a target is left alone",
                  {{"service", service.name},
                   {"target", target_->key},
                   {"for", fmt::format("{}ms", left / base::kMillisecond)},
                   {"why", why}});
}

}  // namespace engine::proxy
