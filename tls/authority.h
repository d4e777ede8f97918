// SPDX-License-Identifier: GPL-3.0-or-later
// The local certificate authority: it signs for names that never leave the machine or its network,
// and its own certificate says so, so that trusting it cannot be abused for other sites. It must
// not know where it is kept. Values only; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "tls/certificate.h"
#include "tls/ec_key.h"
#include "tls/pem.h"

namespace tls {

inline constexpr std::int64_t kDaySeconds = 86'400;
inline constexpr std::int64_t kLocalLeafSeconds = 90 * kDaySeconds;

// "localhost", a name below localhost, test or internal at any depth ("*." in front may stand for
// one label), or a loopback address: 127.0.0.0/8 or "::1". Lower case only; at most 253 bytes.
bool is_local_name(std::string_view name);
inline constexpr std::string_view kNotLocalName =
    "the local CA signs only for localhost, names below localhost, test and internal, and loopback "
    "addresses";

class Authority {
 public:
  // A new key and a self-signed certificate for 10 years, which name constraints (RFC 5280 section
  // 4.2.1.10) confine to what is_local_name accepts. `now` is in Unix seconds, here and below.
  static std::expected<Authority, std::string> create(std::int64_t now);
  // One kept from an earlier start. An error when the pair is unusable, expired, no CA, or its key
  // is not P-256.
  static std::expected<Authority, std::string> from(Pair pair, std::int64_t now);

  [[nodiscard]] const Pair& pair() const { return pair_; }
  [[nodiscard]] const CertificateInfo& info() const { return certificate_.info; }

  // A certificate for one local name with a new P-256 key, valid from an hour ago for 90 days more.
  // The chain has only this one: whoever trusts the CA has the CA. Any other name is refused.
  [[nodiscard]] std::expected<Pair, std::string> issue(std::string_view name,
                                                       std::int64_t now) const;

  // Whether the certificate names this CA's key as its signer; the signature is not checked.
  [[nodiscard]] bool issued(const std::string& chain_pem) const;

 private:
  Authority(Pair pair, Certificate certificate, EcKey key);

  Pair pair_;
  Certificate certificate_;
  EcKey key_;
};

}  // namespace tls
