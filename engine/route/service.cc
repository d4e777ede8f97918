// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/service.h"

#include <algorithm>
#include <tuple>

namespace engine::route {
namespace {

bool same_targets(const std::vector<WeightedTarget>& a, const std::vector<WeightedTarget>& b) {
  return std::ranges::equal(a, b, [](const WeightedTarget& left, const WeightedTarget& right) {
    return left.weight == right.weight && left.pool == right.pool && left.health == right.health &&
           left.target->identity() == right.target->identity();
  });
}

// What compares with ==. The binding names every member, so that a new one does not compile until
// it is added here.
auto comparable(const Service& service) {
  const auto& [site, name, origin, answer, status, text, targets, balance, hash_name, read_split,
               rollout, rolls_out, sticky, outlier, gate, health_path, timeouts, retry_times,
               retry_on, retry_hold, retry_backoff, inflight_max, inflight, rate, rate_by,
               rate_name, rate_limit, metrics, body_bytes_max, buffering, host_policy, host_literal,
               strip_prefix, request_edits, response_edits, secure_response_edits,
               redirects_to_https, canonical_host, client_ip_header, forward_headers, scope_cookies,
               cors, logged_fields, uncounted_paths, client_ca, error_pages] = service;
  return std::tie(site, name, answer, status, text, balance, hash_name, read_split, rollout,
                  rolls_out, sticky, outlier, gate, health_path, timeouts, retry_times, retry_on,
                  retry_hold, retry_backoff, inflight_max, rate, rate_by, rate_name, body_bytes_max,
                  buffering, host_policy, host_literal, strip_prefix, request_edits, response_edits,
                  secure_response_edits, redirects_to_https, canonical_host, client_ip_header,
                  forward_headers, scope_cookies, cors, logged_fields, uncounted_paths, client_ca,
                  error_pages);
}

}  // namespace

bool Service::same_as(const Service& other) const {
  return comparable(*this) == comparable(other) && same_targets(targets, other.targets);
}

}  // namespace engine::route
