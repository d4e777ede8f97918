// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/x509.h"

#include <wolfssl/options.h>
// The options come first.
#include <wolfssl/wolfcrypt/hash.h>

#include "engine/base/check.h"
#include "tls/der.h"
#include "tls/pem.h"

namespace tls::x509 {
namespace {

constexpr std::size_t kKeyIdBytes = 20;
enum class Critical : bool { No, Yes };

// Extensions are id-ce (2.5.29) and a number: RFC 5280 section 4.2.1.
std::string extension(std::uint32_t number, Critical critical, std::string_view value) {
  const std::string id = der::oid({2, 5, 29, number});
  // FALSE is the default, and DER leaves defaults out.
  const std::string flag = critical == Critical::Yes ? der::boolean_true() : "";
  return der::sequence({id, flag, der::octet_string(value)});
}

std::string ecdsa_with_sha256() { return der::sequence({der::oid({1, 2, 840, 10045, 4, 3, 2})}); }

std::string public_key_info(std::string_view public_point) {
  const std::string algorithm = der::sequence(
      {der::oid({1, 2, 840, 10045, 2, 1}), der::oid({1, 2, 840, 10045, 3, 1, 7})});  // P-256
  return der::sequence({algorithm, der::bit_string(public_point)});
}

}  // namespace

std::string name(std::string_view common_name) {
  ENSURE(common_name.size() <= 64, "ub-common-name, RFC 5280 appendix A.1");
  return der::sequence(
      {der::set(der::sequence({der::oid({2, 5, 4, 3}), der::utf8_string(common_name)}))});
}

std::string dns_name(std::string_view name) { return der::context_primitive(2, name); }
std::string ip_address(std::string_view bytes) { return der::context_primitive(7, bytes); }

std::string key_id(std::string_view public_point) {
  std::string digest(WC_SHA256_DIGEST_SIZE, '\0');
  const int result = ::wc_Sha256Hash(reinterpret_cast<const byte*>(public_point.data()),
                                     static_cast<word32>(public_point.size()),
                                     reinterpret_cast<byte*>(digest.data()));
  ENSURE(result == 0, "hashing needs nothing that could be missing");
  return digest.substr(0, kKeyIdBytes);
}

std::string ca_without_intermediates() {
  return extension(19, Critical::Yes, der::sequence({der::boolean_true(), der::integer("")}));
}

std::string no_ca() { return extension(19, Critical::Yes, der::sequence({})); }

// Bits are counted from the left: keyCertSign is 5, cRLSign 6, digitalSignature 0.
std::string signs_certificates() {
  return extension(15, Critical::Yes, der::bit_string("\x06", 1));
}
std::string signs_handshakes() { return extension(15, Critical::Yes, der::bit_string("\x80", 7)); }

std::string permits_only(std::initializer_list<std::string_view> general_names) {
  std::string subtrees;
  for (std::string_view general_name : general_names) subtrees += der::sequence({general_name});
  return extension(30, Critical::Yes, der::sequence({der::context(0, {subtrees})}));
}

std::string for_servers() {
  const std::string server_auth = der::oid({1, 3, 6, 1, 5, 5, 7, 3, 1});
  return extension(37, Critical::No, der::sequence({server_auth}));
}

std::string subject_key_id(std::string_view key_id) {
  return extension(14, Critical::No, der::octet_string(key_id));
}

std::string authority_key_id(std::string_view key_id) {
  return extension(35, Critical::No, der::sequence({der::context_primitive(0, key_id)}));
}

std::string alternative_name(std::string_view general_name) {
  return extension(17, Critical::No, der::sequence({general_name}));
}

std::expected<std::string, std::string> sign(const Draft& draft, const EcKey& issuer) {
  const std::string version = der::context(0, {der::integer("\x02")});  // 2 means version 3
  const std::string validity =
      der::sequence({der::time(draft.not_before), der::time(draft.not_after)});
  const std::string extensions = der::context(3, {der::sequence({draft.extensions})});
  const std::string algorithm = ecdsa_with_sha256();
  const std::string to_be_signed =
      der::sequence({version, der::integer(draft.serial), algorithm, draft.issuer, validity,
                     draft.subject, public_key_info(draft.public_point), extensions});

  const std::expected<std::string, std::string> signature = issuer.sign(to_be_signed);
  if (!signature) return std::unexpected(signature.error());
  return pem_from_der(der::sequence({to_be_signed, algorithm, der::bit_string(*signature)}),
                      PemLabel::Certificate);
}

}  // namespace tls::x509
