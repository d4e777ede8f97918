// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/config.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "engine/base/check.h"

namespace config {
namespace {

std::string host_and_port(const std::string& host, uint16_t port) {
  bool is_v6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

}  // namespace

std::string Listener::text() const { return host_and_port(host, port); }

bool Listener::is_loopback() const { return host == "::1" || host.starts_with("127."); }

std::string Network::text() const {
  std::array<char, INET6_ADDRSTRLEN> out{};
  inet_ntop(is_v6 ? AF_INET6 : AF_INET, address.data(), out.data(), out.size());
  return fmt::format("{}/{}", out.data(), prefix_bits);
}

std::string Target::display() const {
  if (passthrough)
    return "tls-passthrough:" + host_and_port(kind == Kind::Tcp ? host : "localhost", port);
  const std::string_view scheme = tls ? "https://" : h2c ? "h2c://" : "";
  switch (kind) {
    case Kind::LoopbackPort: return fmt::format("{}localhost:{}", scheme, port);
    case Kind::Tcp: return fmt::format("{}{}", scheme, host_and_port(host, port));
    case Kind::Unix: return "unix:" + path;
    case Kind::Redirect: return "redirect:" + text;
    case Kind::Status: return fmt::format("status:{}", status);
  }
  ENSURE(false, "a target without a kind");
}

std::vector<Tls::Files> Config::certificate_files() const {
  std::vector<Tls::Files> all = tls.files;
  for (const Site& site : sites) {
    const bool is_known = std::ranges::find(all, site.tls.cert, &Tls::Files::cert) != all.end();
    if (site.tls.cert.empty() || is_known) continue;
    all.push_back({.cert = site.tls.cert, .key = site.tls.key, .where = site.where});
  }
  return all;
}

}  // namespace config
