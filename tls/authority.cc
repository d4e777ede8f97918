// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/authority.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "tls/x509.h"

namespace tls {
namespace {

using namespace std::string_view_literals;

constexpr std::int64_t kCaSeconds = 3650 * kDaySeconds;
// Browsers on a phone or in a virtual machine may have a clock that is behind.
constexpr std::int64_t kClockSkewSeconds = 3600;

constexpr std::string_view kLoopbackV4 = "\x7f\0\0\0\xff\0\0\0"sv;  // address, then mask
constexpr std::string_view kLoopbackV6 =
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv;

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  ENSURE(::getentropy(bytes.data(), bytes.size()) == 0, "so few bytes always come");
  return bytes;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) {
    out += "0123456789abcdef"[(byte >> 4) & 15];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

// Four or sixteen bytes; empty when the name is no loopback address as it is commonly written.
std::string loopback_bytes(std::string_view name) {
  if (name == "::1") return std::string(kLoopbackV6.substr(0, 16));
  std::string bytes(4, '\0');
  const std::string text(name);
  if (name.contains('\0')) return "";
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) != 1 || bytes[0] != 127) return "";
  return bytes;
}

bool is_label(std::string_view label) {
  auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !label.empty() && label.size() <= 63 && std::ranges::all_of(label, allowed);
}

bool are_labels(std::string_view name) {
  for (;;) {
    const std::size_t dot = name.find('.');
    if (!is_label(name.substr(0, dot))) return false;
    if (dot == name.npos) return true;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

bool is_local_name(std::string_view name) {
  if (name == "localhost" || !loopback_bytes(name).empty()) return true;
  const bool below =
      name.ends_with(".localhost") || name.ends_with(".test") || name.ends_with(".internal");
  if (!below || name.size() > 253) return false;
  if (name.starts_with("*.")) name.remove_prefix(2);
  return are_labels(name);
}

Authority::Authority(Pair pair, Certificate certificate, EcKey key)
    : pair_(std::move(pair)), certificate_(std::move(certificate)), key_(std::move(key)) {}

std::expected<Authority, std::string> Authority::create(std::int64_t now) {
  const std::expected<EcKey, std::string> key = EcKey::generate();
  if (!key) return std::unexpected(key.error());
  const std::string point = key->public_point();
  // Random, so that two machines' authorities can be told apart in a browser's list.
  const std::string name = x509::name("engine local CA " + hex(random_bytes(4)));

  std::expected<std::string, std::string> certificate = x509::sign(
      {.serial = random_bytes(16),
       .issuer = name,
       .subject = name,
       .not_before = now - kClockSkewSeconds,
       .not_after = now + kCaSeconds,
       .public_point = point,
       .extensions = x509::ca_without_intermediates() + x509::signs_certificates() +
                     x509::permits_only({x509::dns_name("localhost"), x509::dns_name("test"),
                                         x509::dns_name("internal"), x509::ip_address(kLoopbackV4),
                                         x509::ip_address(kLoopbackV6)}) +
                     x509::subject_key_id(x509::key_id(point))},
      *key);
  if (!certificate) return std::unexpected(certificate.error());
  return from(Pair(std::move(*certificate), key->to_pem()), now);
}

std::expected<Authority, std::string> Authority::from(Pair pair, std::int64_t now) {
  const std::expected<CertificateInfo, std::string> usable = inspect(pair, now);
  if (!usable) return std::unexpected(usable.error());
  if (usable->expired(now)) return std::unexpected("the certificate has expired");
  std::expected<Certificate, std::string> certificate = parse_certificate(pair.chain_pem);
  ENSURE(certificate.has_value(), "it was inspected");
  if (!certificate->is_ca)
    return std::unexpected("the certificate is not one of an authority (CA)");
  std::expected<EcKey, std::string> key = EcKey::from_pem(pair.key_pem);
  if (!key) return std::unexpected(key.error());
  return Authority(std::move(pair), std::move(*certificate), std::move(*key));
}

std::expected<Pair, std::string> Authority::issue(std::string_view name, std::int64_t now) const {
  if (!is_local_name(name)) return std::unexpected(std::string(kNotLocalName));
  const std::expected<EcKey, std::string> key = EcKey::generate();
  if (!key) return std::unexpected(key.error());
  const std::string point = key->public_point();
  const std::string address = loopback_bytes(name);

  // The subject is the same for all, and no host name: OpenSSL holds a common name that looks like
  // one against the CA's name constraints, also where it is an address.
  std::expected<std::string, std::string> certificate = x509::sign(
      {.serial = random_bytes(16),
       .issuer = certificate_.subject_der,
       .subject = x509::name("engine local certificate"),
       .not_before = now - kClockSkewSeconds,
       .not_after = now + kLocalLeafSeconds,
       .public_point = point,
       .extensions = x509::no_ca() + x509::signs_handshakes() + x509::for_servers() +
                     x509::subject_key_id(x509::key_id(point)) +
                     x509::authority_key_id(certificate_.key_id) +
                     x509::alternative_name(address.empty() ? x509::dns_name(name)
                                                            : x509::ip_address(address))},
      key_);
  if (!certificate) return std::unexpected(certificate.error());
  return Pair(std::move(*certificate), key->to_pem());
}

bool Authority::issued(const std::string& chain_pem) const {
  const std::expected<Certificate, std::string> leaf = parse_certificate(chain_pem);
  return leaf && leaf->authority_key_id == certificate_.key_id;
}

}  // namespace tls
