// SPDX-License-Identifier: GPL-3.0-or-later
// What pages of other origins may do with a site, and how their browsers are told: the server's half of
// the CORS protocol of the Fetch standard. Pure functions; they know no socket and no configuration.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/http/head.h"

namespace engine::http {

struct CorsPolicy {
  // As browsers write them; "https://*.example.com" for every name below, "loopback" for http and
  // https of this machine at any port, "*" alone for any. None: the site knows no CORS.
  std::vector<std::string> origins;
  std::string methods;  // as they are sent: "GET, POST"
  std::string headers;  // likewise; "*": whatever is asked for
  bool credentials = false;
  std::optional<std::uint64_t> max_age;  // seconds

  bool operator==(const CorsPolicy&) const = default;
};

// What each response to a request says. The view is of the request's fields, or of a constant.
struct CorsGrant {
  std::string_view origin;  // the request's, or "*"; empty: nothing is allowed
  bool credentials = false;
  bool varies = false;  // to a request of another origin it would say something else
};

[[nodiscard]] CorsGrant grant_of(const CorsPolicy& policy, std::span<const Field> request) noexcept;

// Fields that only the policy says; a target's are left out.
inline constexpr std::array<std::string_view, 5> kCorsFields = {
    "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Max-Age"};

// Calls line(name, value) for each field that a response gets.
template <typename Line>
void for_each_field(const CorsGrant& grant, Line line) {
  if (!grant.origin.empty()) line(kCorsFields[0], grant.origin);
  if (grant.credentials) line(kCorsFields[1], std::string_view("true"));
  if (grant.varies) line(std::string_view("Vary"), std::string_view("Origin"));
}

// Whether a browser asks what a page may do; any other OPTIONS is for the target.
[[nodiscard]] bool is_preflight(const RequestHead& head) noexcept;

// What it may not do, for people; empty when it may do all that the preflight asks for.
[[nodiscard]] std::string refusal_of(const CorsPolicy& policy, const CorsGrant& grant,
                                     const RequestHead& preflight);

// The lines that the answer to a preflight has beside those of its grant.
[[nodiscard]] std::string preflight_lines(const CorsPolicy& policy, const RequestHead& preflight);

}  // namespace engine::http
