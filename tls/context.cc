// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/context.h"

// wolfSSL's own options come first.
#include <wolfssl/options.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include <array>
#include <mutex>
#include <span>

#include "engine/base/check.h"
#include "tls/memory.h"
#include "tls/session.h"

namespace tls {
namespace {

// AEAD and forward secrecy only; those of TLS 1.2 for either kind of certificate key.
constexpr const char* kCiphers =
    "TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384:TLS13-CHACHA20-POLY1305-SHA256:"
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

std::string words(std::string_view what, int result) {
  std::array<char, WOLFSSL_MAX_ERROR_SZ> text{};
  wolfSSL_ERR_error_string_n(static_cast<unsigned long>(result), text.data(), text.size());
  return std::string(what) + ": " + text.data();
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// The error of what a server and a client have in common; empty when all is well.
std::string prepare(WOLFSSL_CTX* context, Version min) {
  const int version = min == Version::Tls13 ? WOLFSSL_TLSV1_3 : WOLFSSL_TLSV1_2;
  if (wolfSSL_CTX_SetMinVersion(context, version) != WOLFSSL_SUCCESS)
    return "wolfSSL refuses the lowest version";
  if (wolfSSL_CTX_set_cipher_list(context, kCiphers) != WOLFSSL_SUCCESS)
    return "wolfSSL refuses the list of ciphers";
  std::array<int, 3> groups{WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_SECP384R1};
  if (wolfSSL_CTX_set_groups(context, groups.data(), groups.size()) != WOLFSSL_SUCCESS)
    return "wolfSSL refuses the list of groups";
  // Sessions are resumed by tickets alone: nothing is kept on this side.
  wolfSSL_CTX_set_session_cache_mode(context, WOLFSSL_SESS_CACHE_OFF);
  Session::attach(context);
  return {};
}

std::string load_pair(WOLFSSL_CTX* context, std::string_view chain_pem, std::string_view key_pem) {
  int result = wolfSSL_CTX_use_certificate_chain_buffer(context, bytes_of(chain_pem),
                                                        static_cast<long>(chain_pem.size()));
  if (result != WOLFSSL_SUCCESS) return words("the certificate cannot be used", result);
  result = wolfSSL_CTX_use_PrivateKey_buffer(
      context, bytes_of(key_pem), static_cast<long>(key_pem.size()), WOLFSSL_FILETYPE_PEM);
  if (result != WOLFSSL_SUCCESS) return words("the private key cannot be used", result);
  return {};
}

std::string load_authorities(WOLFSSL_CTX* context, std::string_view pem) {
  const int result = wolfSSL_CTX_load_verify_buffer(
      context, bytes_of(pem), static_cast<long>(pem.size()), WOLFSSL_FILETYPE_PEM);
  return result == WOLFSSL_SUCCESS ? "" : words("the authorities cannot be used", result);
}

std::string load_trust(WOLFSSL_CTX* context, const ClientOptions& options) {
  if (!options.ca_pem.empty()) return load_authorities(context, options.ca_pem);
  return wolfSSL_CTX_load_system_CA_certs(context) == WOLFSSL_SUCCESS
             ? ""
             : "the system has no certificates of authorities (package ca-certificates)";
}

std::string demand_client_certificates(WOLFSSL_CTX* context, std::string_view ca_pem) {
  if (std::string error = load_authorities(context, ca_pem); !error.empty()) return error;
  wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                         nullptr);
  // Without it TLS 1.2 goes on for a while after an empty list of certificates.
  wolfSSL_CTX_mutual_auth(context, 1);
  wolfSSL_CTX_NoTicketTLSv12(context);
  wolfSSL_CTX_no_ticket_TLSv13(context);
  Session::attach_peer_names(context);
  return {};
}

void start_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    serve_wolfssl_from_pools();
    ENSURE(wolfSSL_Init() == WOLFSSL_SUCCESS, "wolfSSL does not start");
  });
}

}  // namespace

Digest digest_of(std::string_view text) {
  Digest digest{};
  wc_Sha256Hash(bytes_of(text), static_cast<word32>(text.size()), digest.data());
  return digest;
}

std::expected<std::shared_ptr<const Context>, std::string> Context::server(
    std::string_view chain_pem, std::string_view key_pem, Version min,
    std::string_view client_ca_pem) {
  start_library();
  const std::shared_ptr<Context> made(new Context);
  made->handle_ = wolfSSL_CTX_new(wolfTLS_server_method());
  ENSURE(made->handle_ != nullptr, "no memory for a TLS context");
  made->is_server_ = true;
  if (std::string error = prepare(made->handle_, min); !error.empty())
    return std::unexpected(std::move(error));
  if (std::string error = load_pair(made->handle_, chain_pem, key_pem); !error.empty())
    return std::unexpected(std::move(error));
  made->id_ = digest_of(chain_pem);
  if (client_ca_pem.empty()) return made;
  if (std::string error = demand_client_certificates(made->handle_, client_ca_pem); !error.empty())
    return std::unexpected(std::move(error));
  made->verifies_ = true;
  made->client_ca_ = digest_of(client_ca_pem);
  return made;
}

std::expected<std::shared_ptr<const Context>, std::string> Context::client(
    const ClientOptions& options) {
  start_library();
  const std::shared_ptr<Context> made(new Context);
  made->handle_ = wolfSSL_CTX_new(wolfTLS_client_method());
  ENSURE(made->handle_ != nullptr, "no memory for a TLS context");
  made->verifies_ = !options.insecure;
  if (std::string error = prepare(made->handle_, Version::Tls12); !error.empty())
    return std::unexpected(std::move(error));
  if (!options.chain_pem.empty()) {
    std::string error = load_pair(made->handle_, options.chain_pem, options.key_pem);
    if (!error.empty()) return std::unexpected(std::move(error));
  }
  wolfSSL_CTX_set_verify(made->handle_,
                         options.insecure ? WOLFSSL_VERIFY_NONE : WOLFSSL_VERIFY_PEER, nullptr);
  if (options.insecure) return made;
  if (std::string error = load_trust(made->handle_, options); !error.empty())
    return std::unexpected(std::move(error));
  return made;
}

Context::~Context() { wolfSSL_CTX_free(handle_); }

}  // namespace tls
