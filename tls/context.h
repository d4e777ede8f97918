// SPDX-License-Identifier: GPL-3.0-or-later
// What TLS sessions of one kind have in common: the certificate and key of a name, or how targets
// are verified. Immutable after it was made, shared by all workers.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "tls/tickets.h"

struct WOLFSSL_CTX;

namespace tls {

enum class Version : std::uint8_t { Tls12, Tls13 };

// SHA-256.
[[nodiscard]] Digest digest_of(std::string_view text);

// How a target's certificate is verified, and what is shown to it.
struct ClientOptions {
  std::string ca_pem;              // instead of the system's store
  std::string chain_pem, key_pem;  // our own certificate, for targets that ask for one
  bool insecure = false;           // any certificate will do
};

class Context {
 public:
  // TLS 1.2 and 1.3 with AEAD ciphers and ephemeral keys only (RFC 9325). Pairs went through
  // inspect() (pem.h). With `client_ca_pem`, which went through inspect_authorities(), a client must
  // show a certificate that one of them issued; its sessions are never resumed, as a ticket has no
  // room for who the client is. The error is a sentence.
  static std::expected<std::shared_ptr<const Context>, std::string> server(
      std::string_view chain_pem, std::string_view key_pem, Version min,
      std::string_view client_ca_pem = {});
  static std::expected<std::shared_ptr<const Context>, std::string> client(
      const ClientOptions& options);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  [[nodiscard]] WOLFSSL_CTX* handle() const { return handle_; }
  // Of the certificate: tickets of one open under no other.
  [[nodiscard]] const Digest& id() const { return id_; }
  [[nodiscard]] bool is_server() const { return is_server_; }
  [[nodiscard]] bool verifies() const { return verifies_; }
  // Of a server: digest_of() the authorities of its clients; zeros where anybody may come.
  [[nodiscard]] const Digest& client_ca() const { return client_ca_; }

 private:
  Context() = default;

  WOLFSSL_CTX* handle_ = nullptr;
  Digest id_{};
  Digest client_ca_{};
  bool is_server_ = false;
  bool verifies_ = false;
};

}  // namespace tls
