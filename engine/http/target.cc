// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/target.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace engine::http {
namespace {

constexpr bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

constexpr bool is_unreserved(char c) {
  return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

constexpr std::array<bool, 256> kUnreserved = [] {
  std::array<bool, 256> table{};
  for (std::size_t i = 0; i < 128; ++i) table[i] = is_unreserved(static_cast<char>(i));
  return table;
}();

// Sub-delimiters and %XX are legal in RFC 3986, but no host that can be configured has them, and a
// comma or semicolon in a host is an attack on whoever splits it next.
bool valid_name(std::string_view name) {
  if (name.empty() || name.size() > 255 || name.front() == '.') return false;
  char last = 0;
  for (const char c : name) {
    if (!kUnreserved[static_cast<unsigned char>(c)] || (c == '.' && last == '.')) return false;
    last = c;
  }
  return true;
}

bool valid_ipv6(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> copy;
  if (text.empty() || text.size() >= copy.size() || text.contains('\0')) return false;
  std::memcpy(copy.data(), text.data(), text.size());
  copy[text.size()] = '\0';
  in6_addr address;
  return inet_pton(AF_INET6, copy.data(), &address) == 1;
}

// "" or ":" or ":port".
std::optional<std::uint16_t> read_port(std::string_view text) {
  if (text.size() <= 1)
    return text.empty() || text == ":" ? std::optional<std::uint16_t>(0) : std::nullopt;
  if (text.front() != ':' || text.size() > 6) return std::nullopt;
  std::uint32_t port = 0;
  for (const char c : text.substr(1)) {
    if (c < '0' || c > '9') return std::nullopt;
    port = port * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (port == 0 || port > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The unreserved character that "%XX" at `at` stands for, or 0.
char unreserved_at(std::string_view path, std::size_t at) {
  if (path.size() - at < 3) return 0;
  const int high = hex_value(path[at + 1]);
  const int low = hex_value(path[at + 2]);
  if (high < 0 || low < 0) return 0;
  const char c = static_cast<char>(high * 16 + low);
  return is_unreserved(c) ? c : '\0';
}

// Drops the last segment of out[0..length), whose '/' is kept: "/a/b/" becomes "/a/".
std::size_t parent(std::span<const char> out, std::size_t length) {
  if (length <= 1) return length;
  --length;
  while (length > 0 && out[length - 1] != '/') --length;
  return length;
}

}  // namespace

std::optional<HostPort> split_host_port(std::string_view authority) noexcept {
  const bool literal = authority.starts_with('[');
  const std::size_t end = literal ? authority.find(']') : authority.find(':');
  if (literal && end == std::string_view::npos) return std::nullopt;
  const std::size_t host_size = std::min(literal ? end + 1 : end, authority.size());
  const std::string_view host = authority.substr(0, host_size);
  const bool valid = literal ? valid_ipv6(host.substr(1, host.size() - 2)) : valid_name(host);
  if (!valid) return std::nullopt;
  const std::optional<std::uint16_t> port = read_port(authority.substr(host_size));
  if (!port) return std::nullopt;
  return HostPort{host, *port};
}

bool valid_host(std::string_view authority) noexcept {
  return split_host_port(authority).has_value();
}

std::string_view host_of(std::string_view authority) noexcept {
  return authority.ends_with(']') ? authority : authority.substr(0, authority.rfind(':'));
}

bool valid_escapes(std::string_view path) noexcept {
  for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    if (path.size() - at < 3 || hex_value(path[at + 1]) < 0 || hex_value(path[at + 2]) < 0)
      return false;
  }
  return true;
}

std::string_view normalise_path(std::string_view path, std::span<char> scratch) noexcept {
  if (!path.starts_with('/')) return path;
  if (!path.contains('%') && !path.contains("/.")) return path;
  if (scratch.size() < path.size()) return {};

  std::size_t length = 0;  // written so far
  std::size_t start = 1;   // of the segment being written, behind its '/'
  // A segment is complete at a '/' or at the end; it is looked at after decoding, so %2e counts.
  const auto end_segment = [&] {
    const std::string_view segment(scratch.data() + start, length - start);
    if (segment == ".") length = start;
    if (segment == "..") length = parent(scratch, start);
    return segment == "." || segment == "..";
  };
  scratch[length++] = '/';
  for (std::size_t at = 1; at < path.size(); ++at) {
    char c = path[at];
    if (c == '/') {
      if (!end_segment()) scratch[length++] = '/';
      start = length;
      continue;
    }
    if (c == '%') {
      if (const char decoded = unreserved_at(path, at)) {
        c = decoded;
        at += 2;
      }
    }
    scratch[length++] = c;
  }
  end_segment();
  return {scratch.data(), length};
}

std::string_view strip_prefix(std::string_view path, std::string_view prefix) noexcept {
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (!path.starts_with(prefix)) return path;
  const std::string_view rest = path.substr(prefix.size());
  if (rest.empty()) return "/";
  return rest.front() == '/' ? rest : path;
}

}  // namespace engine::http
