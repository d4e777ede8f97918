// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/cors.h"

#include <algorithm>

#include "engine/http/h1_framing.h"
#include "engine/http/h1_lines.h"
#include "engine/http/target.h"

namespace engine::http {
namespace {

constexpr std::string_view kAny = "*";
constexpr std::string_view kAskedMethod = "Access-Control-Request-Method";
constexpr std::string_view kAskedHeaders = "Access-Control-Request-Headers";
// Of what a client sent, in a sentence about it.
constexpr std::size_t kQuotedBytesMax = 100;

bool is_below(std::string_view pattern, std::string_view origin) {
  const std::size_t star = pattern.find(kAny);
  if (star == pattern.npos) return false;
  const std::string_view start = pattern.substr(0, star);
  const std::string_view end = pattern.substr(star + 1);
  if (origin.size() <= start.size() + end.size()) return false;
  if (!origin.starts_with(start) || !origin.ends_with(end)) return false;
  // Only more labels: "https://evil.test/.example.com" is no name below example.com.
  const std::string_view labels =
      origin.substr(start.size(), origin.size() - start.size() - end.size());
  return std::ranges::all_of(labels, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

// A host of digits and dots is an IPv4 address to a browser, never a name.
bool is_loopback(std::string_view origin) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!origin.starts_with(scheme)) continue;
    const std::optional<HostPort> parts = split_host_port(origin.substr(scheme.size()));
    if (!parts) return false;
    const std::string_view host = parts->host;
    if (host == "localhost" || host.ends_with(".localhost") || host == "[::1]") return true;
    return host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos;
  }
  return false;
}

bool allows(const CorsPolicy& policy, std::string_view origin) {
  return std::ranges::any_of(policy.origins, [origin](std::string_view pattern) {
    return pattern == "loopback" ? is_loopback(origin)
                                 : pattern == origin || is_below(pattern, origin);
  });
}

// Whether visit(name) was true for every header that a page wishes to send.
template <typename Visit>
bool all_asked_headers(const RequestHead& preflight, Visit visit) {
  bool all = true;
  for (const Field& field : preflight.fields) {
    if (!all) break;
    if (!equals_ignoring_case(field.name, kAskedHeaders)) continue;
    for_each_element(field.value, [&](std::string_view name) { return all = visit(name); });
  }
  return all;
}

bool allows_header(const CorsPolicy& policy, std::string_view name) {
  if (policy.headers == kAny) return is_token(name);
  bool listed = false;
  for_each_element(policy.headers, [&](std::string_view each) {
    listed = equals_ignoring_case(each, name);
    return !listed;
  });
  return listed;
}

bool allows_method(const CorsPolicy& policy, std::string_view method) {
  bool listed = false;
  for_each_element(policy.methods, [&](std::string_view each) {
    listed = each == method;
    return !listed;
  });
  return listed;
}

std::string not_allowed(std::string_view what, std::string_view which) {
  std::string text(what);
  text += ' ';
  text += which.substr(0, kQuotedBytesMax);
  return text += " is not allowed";
}

std::string line(std::string_view name, std::string_view value) {
  if (value.empty()) return {};
  std::string text(name);
  text += ": ";
  text += value;
  return text += "\r\n";
}

// What was asked for, where that was allowed whatever it is: with credentials a browser takes "*" for
// the name of a header.
std::string allowed_headers(const CorsPolicy& policy, const RequestHead& preflight) {
  if (policy.headers != kAny) return policy.headers;
  std::string names;
  all_asked_headers(preflight, [&names](std::string_view name) {
    if (!names.empty()) names += ", ";
    names += name;
    return true;
  });
  return names;
}

}  // namespace

CorsGrant grant_of(const CorsPolicy& policy, std::span<const Field> request) noexcept {
  if (policy.origins.empty()) return {};
  if (policy.origins.front() == kAny) return {.origin = kAny};
  CorsGrant grant{.varies = true};
  const std::string_view origin = find_field(request, "origin");
  if (!allows(policy, origin)) return grant;
  grant.origin = origin;
  grant.credentials = policy.credentials;
  return grant;
}

bool is_preflight(const RequestHead& head) noexcept {
  return head.method == Method::Options && !find_field(head.fields, "origin").empty() &&
         !find_field(head.fields, kAskedMethod).empty();
}

std::string refusal_of(const CorsPolicy& policy, const CorsGrant& grant,
                       const RequestHead& preflight) {
  if (grant.origin.empty())
    return not_allowed("the origin", find_field(preflight.fields, "origin"));
  const std::string_view method = find_field(preflight.fields, kAskedMethod);
  if (!allows_method(policy, method)) return not_allowed("the method", method);
  std::string refusal;
  all_asked_headers(preflight, [&](std::string_view name) {
    if (allows_header(policy, name)) return true;
    refusal = not_allowed("the header", name);
    return false;
  });
  return refusal;
}

std::string preflight_lines(const CorsPolicy& policy, const RequestHead& preflight) {
  std::string lines = line(kCorsFields[2], policy.methods);
  lines += line(kCorsFields[3], allowed_headers(policy, preflight));
  if (policy.max_age) lines += line(kCorsFields[4], std::to_string(*policy.max_age));
  return lines + "Vary: " + std::string(kAskedMethod) + ", " + std::string(kAskedHeaders) + "\r\n";
}

}  // namespace engine::http
