// SPDX-License-Identifier: GPL-3.0-or-later
// A certificate chain and its private key as PEM text, and whether TLS can use them. It must not
// know for whom they are served. No state; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "tls/certificate.h"

namespace tls {

// The key is wiped from memory when its text goes away.
struct Pair {
  Pair() = default;
  Pair(std::string chain, std::string key);
  Pair(const Pair&) = default;
  Pair(Pair&&) noexcept = default;
  Pair& operator=(Pair other) noexcept;
  ~Pair();

  std::string chain_pem;  // the server's own certificate first, then those that sign it
  std::string key_pem;    // not encrypted
};

// Whether TLS can serve this pair, and what its first certificate says. An expired certificate is
// no error: ask CertificateInfo::expired. Errors are one sentence about the content, without a
// path.
std::expected<CertificateInfo, std::string> inspect(const Pair& pair, std::int64_t now);

// Whether every certificate in the text may sign those of clients, and there is one. Errors as
// above.
std::expected<void, std::string> inspect_authorities(const std::string& pem);

// One file of certificates, as read_pair() reads it.
std::expected<std::string, std::string> read_pem(const std::string& path);

// Reads two files, at most 1 MiB each, and checks nothing else. Blocks on the disk. The error names
// the file: "cannot read /path: Permission denied".
std::expected<Pair, std::string> read_pair(const std::string& cert_path,
                                           const std::string& key_path);

enum class PemLabel : std::uint8_t { Certificate, EcPrivateKey };
std::string pem_from_der(std::string_view der, PemLabel label);

}  // namespace tls
