// SPDX-License-Identifier: GPL-3.0-or-later
// What one certificate says. It must not know where the text came from, nor whom to trust.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace tls {

struct CertificateInfo {
  // Whom it is for: the DNS names (lower case, "*.example.com" as it stands) and IP addresses of
  // the subjectAltName, sorted; the common name only when there is no subjectAltName.
  std::vector<std::string> names;
  std::string subject, issuer;  // common names, for listings; empty when there are none
  std::int64_t not_before = 0, not_after = 0;  // Unix seconds; both still belong to the validity

  [[nodiscard]] bool expired(std::int64_t now) const { return now > not_after; }
};

struct Certificate {
  CertificateInfo info;
  bool is_ca = false;            // basicConstraints say so
  std::string subject_der;       // the Name as encoded, what an issued certificate must repeat
  std::string key_id;            // subjectKeyIdentifier, 20 bytes
  std::string authority_key_id;  // authorityKeyIdentifier, 20 bytes, or empty
};

// The first certificate in a PEM text; checks neither signature nor dates. The error is one
// sentence.
std::expected<Certificate, std::string> parse_certificate(const std::string& pem);

inline constexpr std::size_t kHolderBytesMax = 256;

// Whom a certificate (DER) stands for, fit for a header field: the subject's last common name, else
// the first of the subjectAltName (DNS, URI or address, then mail). Different names stay different:
// what is no printable ASCII, a '%', and a space at either end are %XX. Empty when there is no name
// or it is longer than kHolderBytesMax.
std::string holder_of(std::string_view der);

}  // namespace tls
