// SPDX-License-Identifier: GPL-3.0-or-later
// An ECDSA P-256 private key: made, read, written, signed with. It knows no certificate.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

struct ecc_key;

namespace tls {

// One owner; wolfSSL wipes the key when it goes away.
class EcKey {
 public:
  static std::expected<EcKey, std::string> generate();
  // SEC 1 or PKCS #8, not encrypted. Any other kind of key or curve is an error, one sentence.
  static std::expected<EcKey, std::string> from_pem(const std::string& pem);

  // SEC 1 ("EC PRIVATE KEY", RFC 5915), with the public key in it.
  [[nodiscard]] std::string to_pem() const;
  // The public key as an uncompressed point, 65 bytes.
  [[nodiscard]] std::string public_point() const;
  // ECDSA with SHA-256 over `message`, as the DER that certificates carry (RFC 3279 section 2.2.3).
  [[nodiscard]] std::expected<std::string, std::string> sign(std::string_view message) const;

 private:
  struct Free {
    void operator()(ecc_key* key) const;
  };
  EcKey();

  std::unique_ptr<ecc_key, Free> key_;
};

}  // namespace tls
