// SPDX-License-Identifier: GPL-3.0-or-later
// OpenSSL for the load programs: TLS 1.3 clients that believe every certificate. They stop with a
// message at the first surprise of their own; what the other side does is theirs to judge.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

namespace load {

struct TlsFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
  void operator()(SSL* tls) const {
    // A connection dropped without this would spoil its session for the next one.
    SSL_set_shutdown(tls, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(tls);
  }
};
using TlsContext = std::unique_ptr<SSL_CTX, TlsFree>;
using TlsSession = std::unique_ptr<SSL_SESSION, TlsFree>;
using Tls = std::unique_ptr<SSL, TlsFree>;

inline void tls_must(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "%s: %s\n", what, ERR_reason_error_string(ERR_peek_last_error()));
  std::exit(1);
}

inline TlsContext tls_context() {
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  tls_must(context != nullptr, "SSL_CTX_new");
  tls_must(SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) == 1, "TLS 1.3");
  // The end of the answer is known without close_notify, which not everybody sends.
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

// The handshake happens with the first write. The descriptor stays the caller's.
inline Tls tls_over(SSL_CTX* context, int fd) {
  Tls tls(SSL_new(context));
  tls_must(tls != nullptr, "SSL_new");
  tls_must(SSL_set_fd(tls.get(), fd) == 1, "SSL_set_fd");
  tls_must(SSL_set_tlsext_host_name(tls.get(), "bench.test") == 1, "server name");
  SSL_set_connect_state(tls.get());
  return tls;
}

}  // namespace load
