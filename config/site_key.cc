// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/site_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "config/address.h"
#include "config/text.h"

namespace config {
namespace {

constexpr std::size_t kPathBytes = 2048;

std::unexpected<Complaint> refuse(std::string message, std::string hint = {}) {
  return std::unexpected(Complaint{std::move(message), std::move(hint)});
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool has_bad_escape(std::string_view path) {
  for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    if (at + 2 >= path.size() || !is_hex(path[at + 1]) || !is_hex(path[at + 2])) return true;
  }
  return false;
}

// Everything before the path, with the mistakes people make first.
std::expected<void, Complaint> check_shape(std::string_view written) {
  std::size_t scheme = written.find("://");
  if (scheme != std::string_view::npos) {
    return refuse(fmt::format("site {} starts with a scheme", in_quotes(written)),
                  fmt::format("write {}", in_quotes(written.substr(scheme + 3))));
  }
  if (written.empty()) return refuse("a site needs a host", "write \"*\" for every host");
  if (written.starts_with('/')) {
    return refuse(fmt::format("site {} has no host", in_quotes(written)),
                  fmt::format("write {} for every host", in_quotes("*" + std::string(written))));
  }
  return {};
}

std::expected<std::string, Complaint> parse_bracketed(std::string_view host) {
  std::size_t end = host.find(']');
  if (end == std::string_view::npos) return refuse(fmt::format("{} has no \"]\"", in_quotes(host)));
  std::optional<std::string> address = canonical_ipv6(host.substr(1, end - 1));
  if (!address) {
    return refuse(fmt::format("{} is not an IPv6 address", in_quotes(host.substr(1, end - 1))));
  }
  if (end + 1 != host.size()) {
    return refuse(
        fmt::format("site {} has a port; a site answers on every listener", in_quotes(host)),
        fmt::format("write \"[{}]\"", *address));
  }
  return "[" + *address + "]";
}

std::expected<std::string, Complaint> parse_host(std::string_view host) {
  if (host == "*") return "*";
  if (host.starts_with('[')) return parse_bracketed(host);
  if (std::optional<std::string> address = canonical_ipv6(host)) {
    return refuse(fmt::format("site {} is an IPv6 address without brackets", in_quotes(host)),
                  fmt::format("write \"[{}]\"", *address));
  }
  std::size_t colon = host.find(':');
  if (colon != std::string_view::npos) {
    return refuse(
        fmt::format("site {} has a port; a site answers on every listener", in_quotes(host)),
        fmt::format("write {}", in_quotes(host.substr(0, colon))));
  }
  std::string_view name = host.starts_with("*.") ? host.substr(2) : host;
  if (name.find('*') != std::string_view::npos) {
    return refuse(fmt::format("site {}: \"*\" stands for the leftmost label only", in_quotes(host)),
                  "write \"*.example.com\", or \"*\" alone");
  }
  if (std::optional<Complaint> complaint = check_host_name(name)) {
    return std::unexpected(std::move(*complaint));
  }
  return lower(host);
}

}  // namespace

std::expected<void, Complaint> check_path_prefix(std::string_view path) {
  std::string name = in_quotes(path);
  if (!path.starts_with('/')) return refuse(fmt::format("path {} does not start with \"/\"", name));
  if (path.size() > kPathBytes) {
    return refuse(fmt::format("path {} is longer than {} bytes", name, kPathBytes));
  }
  if (!is_ascii(path))
    return refuse(fmt::format("path {} is not ASCII", name), "write it with %XX");
  if (path.find('*') != std::string_view::npos) {
    return refuse(fmt::format("path {} has a \"*\"", name),
                  "leave it out: a path covers everything below it");
  }
  if (has_control(path) || path.find_first_of(" ?#\\\"<>") != std::string_view::npos) {
    return refuse(fmt::format("path {} has a character that no request path has", name),
                  "write it with %XX; a query cannot be matched");
  }
  if (has_bad_escape(path))
    return refuse(fmt::format("path {} has a \"%\" without two hex digits", name));
  std::vector<std::string_view> segments = split(path.substr(1), '/');
  for (std::size_t i = 0; i < segments.size(); ++i) {
    bool hollow = segments[i].empty() && i + 1 < segments.size();
    if (hollow || segments[i] == "." || segments[i] == "..") {
      return refuse(fmt::format("path {} has an empty, \".\" or \"..\" segment", name));
    }
  }
  return {};
}

std::expected<SiteKey, Complaint> parse_site_key(std::string_view written) {
  if (auto shape = check_shape(written); !shape) return std::unexpected(shape.error());
  std::size_t slash = written.find('/');
  std::expected<std::string, Complaint> host = parse_host(written.substr(0, slash));
  if (!host) return std::unexpected(host.error());
  SiteKey key;
  key.host = std::move(*host);
  if (slash != std::string_view::npos) {
    std::string_view path = written.substr(slash);
    if (auto valid = check_path_prefix(path); !valid) return std::unexpected(valid.error());
    if (path != "/") key.prefix = path;
  }
  key.text = key.host + key.prefix;
  return key;
}

}  // namespace config
