// SPDX-License-Identifier: GPL-3.0-or-later
// What proxy.toml says about TLS, towards clients and towards targets. Paths are absolute or start
// at the working directory; nobody has looked whether the files exist.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "config/position.h"

namespace config {

// [tls], what holds for the whole process.
struct Tls {
  enum class Version : uint8_t { Tls12, Tls13 };

  struct Files {
    std::string cert;         // PEM, the chain with the leaf first
    std::string key;          // PEM
    bool is_default = false;  // for clients that name no site we have a certificate for
    Position where;
  };

  Version min = Version::Tls12;
  std::vector<Files> files;  // every cert is there once, and at most one is the default
  bool local_ca = true;      // issue certificates for *.localhost, *.test and *.internal ourselves
};

// What one site wishes towards clients: its own `tls` and [tls], already merged.
struct SiteTls {
  bool redirect = false;         // http is answered with 308 to https
  std::chrono::seconds hsts{0};  // max-age of Strict-Transport-Security (RFC 6797); 0 = not sent
  // PEM: whose certificates clients must show; empty = none. The same for all sites of one host.
  std::string client_ca;
  // PEM, as in Tls::Files: shown to clients that ask for the site's host; set together with `key`.
  // The same for all sites of one host that have one.
  std::string cert;
  std::string key;

  friend bool operator==(const SiteTls&, const SiteTls&) = default;
};

// How one site speaks to its https:// targets. Empty = the default of TLS itself.
struct UpstreamTls {
  std::string server_name;  // sent as SNI and looked for in the certificate; empty = target's host
  std::string ca;           // PEM; empty = the authorities of this machine
  std::string cert;         // PEM, shown to the target; set together with `key`
  std::string key;
  bool insecure = false;  // the target's certificate is not checked

  friend bool operator==(const UpstreamTls&, const UpstreamTls&) = default;
};

}  // namespace config
