// SPDX-License-Identifier: GPL-3.0-or-later
// Writes X.509 version 3 certificates (RFC 5280) for P-256 keys, signed with P-256 keys: the parts
// as DER, and the whole. It decides nothing: what belongs in a certificate is authority.cc's
// question. We write them ourselves because wolfSSL's writer knows no name constraints.
#pragma once

#include <cstdint>
#include <expected>
#include <initializer_list>
#include <string>
#include <string_view>

#include "tls/ec_key.h"

namespace tls::x509 {

// A Name with one common name, at most 64 characters.
std::string name(std::string_view common_name);

// GeneralNames (section 4.2.1.6), and address ranges as name constraints want them: 4 or 16 bytes
// of address; in a range the mask follows.
std::string dns_name(std::string_view name);
std::string ip_address(std::string_view bytes);

// RFC 7093 section 2, method 1: 20 bytes.
std::string key_id(std::string_view public_point);

// Extensions, each complete; "critical" where the name does not say otherwise.
std::string ca_without_intermediates();  // basicConstraints: a CA, path length 0
std::string no_ca();                     // basicConstraints
std::string signs_certificates();        // keyUsage: keyCertSign, cRLSign
std::string signs_handshakes();          // keyUsage: digitalSignature
std::string permits_only(std::initializer_list<std::string_view> general_names);  // nameConstraints
std::string for_servers();                                    // extKeyUsage, not critical
std::string subject_key_id(std::string_view key_id);          // not critical
std::string authority_key_id(std::string_view key_id);        // not critical
std::string alternative_name(std::string_view general_name);  // subjectAltName, not critical

struct Draft {
  std::string serial;                          // 1..20 bytes, big-endian
  std::string issuer, subject;                 // Names
  std::int64_t not_before = 0, not_after = 0;  // Unix seconds
  std::string public_point;                    // of the subject's P-256 key
  std::string extensions;                      // one after the other
};

// The certificate as PEM.
std::expected<std::string, std::string> sign(const Draft& draft, const EcKey& issuer);

}  // namespace tls::x509
