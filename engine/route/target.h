// SPDX-License-Identifier: GPL-3.0-or-later
// Where requests can be sent: a target's identity, and the addresses it has at the moment.
// A target is shared by every snapshot that names it, so that pools and health outlive a reload.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tls/context.h"

namespace engine::route {

// A socket address of any family the engine connects to.
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] int family() const { return storage.ss_family; }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  // "127.0.0.1:80", "[::1]:80" or "unix:/path"; an unnamed socket is "unix:", an abstract one
  // "unix:@name".
  [[nodiscard]] std::string text() const;

  // By what it means, not by its padding.
  bool operator==(const Address& other) const;

  // A literal IPv4 or IPv6 address, the latter also in brackets (no name is resolved); false when
  // `host` is none.
  static bool parse_ip(std::string_view host, std::uint16_t port, Address& out);
  // False when the path with its end mark does not fit sun_path, is empty, or contains a NUL.
  static bool from_unix_path(std::string_view path, Address& out);
};

// The addresses to try for one target, in order. Immutable; replaced by a new snapshot.
struct Addresses {
  std::vector<Address> list;
  std::string failure;  // why the list is empty ("NXDOMAIN for web-1"); empty otherwise
};

enum class TargetKind : std::uint8_t {
  Tcp,       // host:port; the host is an IP literal or a DNS name
  Loopback,  // a bare port: 127.0.0.1 and ::1, whichever answers
  Unix,
};

// How TLS is spoken to a target.
struct TargetTls {
  std::shared_ptr<const tls::Context> context;
  std::string server_name;  // what its certificate must be for; empty: the target's host
  std::string identity;     // equal for equal settings
};

// Immutable identity; equal identities mean the same target.
class Target {
 public:
  // An IPv6 literal may come with or without brackets. `tls` null: plaintext. `h2c`: HTTP/2 in
  // plaintext, which the target is known to speak (RFC 9113 section 3.3).
  Target(TargetKind kind, std::string host, std::uint16_t port,
         std::shared_ptr<const TargetTls> tls = nullptr, bool h2c = false);

  [[nodiscard]] TargetKind kind() const { return kind_; }
  // A name, an IP literal, or a socket path.
  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }  // 0 for Unix
  // As people write it: "10.0.0.4:8080", "localhost:3000", "unix:/run/app.sock",
  // "https://10.0.0.4:8443", "h2c://10.0.0.4:50051". Used in logs.
  [[nodiscard]] const std::string& key() const { return key_; }
  // Connections to targets with the same one are interchangeable.
  [[nodiscard]] std::string identity() const { return tls_ ? key_ + " " + tls_->identity : key_; }
  // What a Host field names it by.
  [[nodiscard]] std::string authority() const;
  [[nodiscard]] const TargetTls* tls() const { return tls_.get(); }
  [[nodiscard]] std::string_view server_name() const;
  [[nodiscard]] bool h2c() const { return h2c_; }
  // A hash of the key, the same in every process and after every start.
  [[nodiscard]] std::uint64_t key_hash() const { return key_hash_; }
  // Whether the addresses come from DNS. The name `localhost` does not: it is 127.0.0.1 and ::1
  // (RFC 6761).
  [[nodiscard]] bool needs_dns() const;
  // The addresses of a target that needs no DNS.
  [[nodiscard]] Addresses fixed_addresses() const;

 private:
  TargetKind kind_;
  std::string host_;
  std::uint16_t port_;
  std::string key_;
  std::uint64_t key_hash_;
  std::shared_ptr<const TargetTls> tls_;
  bool h2c_;
};

}  // namespace engine::route
