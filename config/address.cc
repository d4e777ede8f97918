// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/text.h"

namespace config {
namespace {

// RFC 1035, 2.3.4.
constexpr std::size_t kHostBytes = 253;
constexpr std::size_t kLabelBytes = 63;

std::unexpected<Complaint> refuse(std::string message, std::string hint = {}) {
  return std::unexpected(Complaint{std::move(message), std::move(hint)});
}

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > kLabelBytes) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::ranges::all_of(label, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

bool looks_numeric(std::string_view host) {
  return host.find_first_not_of("0123456789.") == std::string_view::npos;
}

// Splits "[v6]:port", "host:port" and "host". The port text keeps no colon.
struct Halves {
  std::string_view host;
  std::optional<std::string_view> port;
  bool bracketed = false;
};

std::expected<Halves, Complaint> halve(std::string_view text) {
  if (text.starts_with('[')) {
    std::size_t end = text.find(']');
    if (end == std::string_view::npos)
      return refuse(fmt::format("{} has no \"]\"", in_quotes(text)));
    std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') {
      return refuse(fmt::format("{} has text after \"]\"", in_quotes(text)));
    }
    Halves halves{text.substr(1, end - 1), std::nullopt, true};
    if (!rest.empty()) halves.port = rest.substr(1);
    return halves;
  }
  if (std::ranges::count(text, ':') > 1) {
    return refuse(fmt::format("{} looks like an IPv6 address without brackets", in_quotes(text)),
                  "write \"[::1]:8080\"");
  }
  std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return Halves{text, std::nullopt};
  return Halves{text.substr(0, colon), text.substr(colon + 1)};
}

std::expected<uint16_t, Complaint> parse_port(std::string_view text) {
  std::optional<uint16_t> port = is_digits(text) ? parse_number<uint16_t>(text) : std::nullopt;
  if (!port) {
    return refuse(
        fmt::format("{} is not a port – write a number from 1 to 65535", in_quotes(text)));
  }
  return *port;
}

std::size_t address_bits(const Network& network) { return network.is_v6 ? 128 : 32; }

// Clears the bits beyond the prefix; true when there were any.
bool mask_host_bits(Network& network) {
  bool changed = false;
  for (std::size_t bit = network.prefix_bits; bit < address_bits(network); ++bit) {
    uint8_t& byte = network.address[bit / 8];
    auto mask = static_cast<uint8_t>(0x80u >> (bit % 8));
    changed |= (byte & mask) != 0;
    byte = static_cast<uint8_t>(byte & ~mask);
  }
  return changed;
}

}  // namespace

bool is_ipv4(std::string_view text) {
  in_addr address{};
  return inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

std::optional<std::string> canonical_ipv6(std::string_view text) {
  in6_addr address{};
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  if (inet_pton(AF_INET6, std::string(text).c_str(), &address) != 1) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> out{};
  inet_ntop(AF_INET6, &address, out.data(), out.size());
  return std::string(out.data());
}

std::optional<Complaint> check_host_name(std::string_view host) {
  if (host.empty()) return Complaint{"the host is empty", {}};
  if (!is_ascii(host)) {
    return Complaint{fmt::format("host {} is not ASCII", in_quotes(host)),
                     "write the punycode form, \"xn--…\""};
  }
  if (host.ends_with('.')) {
    return Complaint{fmt::format("host {} ends with a dot", in_quotes(host)),
                     fmt::format("write {}", in_quotes(host.substr(0, host.size() - 1)))};
  }
  if (host.size() > kHostBytes) {
    return Complaint{fmt::format("host {} is longer than {} bytes", in_quotes(host), kHostBytes),
                     {}};
  }
  if (looks_numeric(host) && !is_ipv4(host)) {
    return Complaint{fmt::format("{} is not an IPv4 address", in_quotes(host)), {}};
  }
  for (std::string_view label : split(host, '.')) {
    if (is_label(label)) continue;
    return Complaint{fmt::format("{} is not a host name", in_quotes(host)),
                     "labels are 1 to 63 letters, digits and \"-\""};
  }
  return std::nullopt;
}

std::expected<HostPort, Complaint> parse_host_port(std::string_view text) {
  std::expected<Halves, Complaint> halves = halve(text);
  if (!halves) return std::unexpected(halves.error());
  HostPort result;
  if (halves->bracketed) {
    std::optional<std::string> host = canonical_ipv6(halves->host);
    if (!host) return refuse(fmt::format("{} is not an IPv6 address", in_quotes(halves->host)));
    result.host = std::move(*host);
  } else if (std::optional<Complaint> complaint = check_host_name(halves->host)) {
    return std::unexpected(std::move(*complaint));
  } else {
    result.host = lower(halves->host);
  }
  if (!halves->port) return result;
  std::expected<uint16_t, Complaint> port = parse_port(*halves->port);
  if (!port) return std::unexpected(port.error());
  if (*port == 0) return refuse("port 0 cannot be connected to", "write a port from 1 to 65535");
  result.port = *port;
  return result;
}

std::expected<Listener, Complaint> parse_listener(std::string_view text) {
  if (text.starts_with("unix:"))
    return refuse("\"unix:\" in listen is not supported by this version");
  Listener listener;
  std::string_view port_text = text;
  if (!is_digits(text)) {
    std::expected<Halves, Complaint> halves = halve(text);
    if (!halves) return std::unexpected(halves.error());
    if (!halves->port) {
      return refuse(fmt::format("{} has no port", in_quotes(text)),
                    "write \":8080\" or \"127.0.0.1:8080\"");
    }
    port_text = *halves->port;
    if (halves->bracketed) {
      std::optional<std::string> host = canonical_ipv6(halves->host);
      if (!host) return refuse(fmt::format("{} is not an IPv6 address", in_quotes(halves->host)));
      listener.host = std::move(*host);
    } else if (halves->host.empty() || is_ipv4(halves->host)) {
      listener.host = halves->host;
    } else {
      return refuse(fmt::format("{} is not an address of this machine", in_quotes(halves->host)),
                    fmt::format("write \":{0}\" for every address, or \"127.0.0.1:{0}\"",
                                is_digits(port_text) ? port_text : "8080"));
    }
  }
  std::expected<uint16_t, Complaint> port = parse_port(port_text);
  if (!port) return std::unexpected(port.error());
  listener.port = *port;
  return listener;
}

std::expected<Network, Complaint> parse_network(std::string_view text) {
  std::size_t slash = text.find('/');
  std::string address(text.substr(0, slash));
  Network network;
  network.is_v6 = address.find(':') != std::string::npos;
  int family = network.is_v6 ? AF_INET6 : AF_INET;
  bool clean = address.find('\0') == std::string::npos;
  if (!clean || inet_pton(family, address.c_str(), network.address.data()) != 1) {
    return refuse(fmt::format("{} is not an address or a block of addresses", in_quotes(text)),
                  "write \"10.0.0.1\", \"10.0.0.0/8\" or \"2001:db8::/32\"");
  }
  std::size_t bits = address_bits(network);
  if (slash != std::string_view::npos) {
    std::string_view digits = text.substr(slash + 1);
    std::optional<uint32_t> prefix =
        is_digits(digits) ? parse_number<uint32_t>(digits) : std::nullopt;
    if (!prefix || *prefix > bits) {
      return refuse(
          fmt::format("{} has a bad prefix length – write 0 to {}", in_quotes(text), bits));
    }
    bits = *prefix;
  }
  network.prefix_bits = static_cast<uint8_t>(bits);
  if (mask_host_bits(network)) {
    return refuse(fmt::format("{} has bits beyond its prefix length", in_quotes(text)),
                  fmt::format("write \"{}\"", network.text()));
  }
  return network;
}

}  // namespace config
