// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/pem.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wolfssl/options.h>
// The options come first.
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <utility>

#include "engine/base/check.h"

namespace tls {
namespace {

constexpr off_t kFileBytesMax = 1 << 20;
constexpr std::string_view kBeginCertificate = "-----BEGIN CERTIFICATE-----";

struct FreeContext {
  void operator()(WOLFSSL_CTX* context) const { ::wolfSSL_CTX_free(context); }
};

// TLS takes what follows the first certificate unread; a browser would be the first to notice.
std::string chain_problem(const std::string& chain_pem) {
  int number = 1;
  std::size_t begin = chain_pem.find(kBeginCertificate);
  while ((begin = chain_pem.find(kBeginCertificate, begin + 1)) != chain_pem.npos) {
    const std::size_t next = chain_pem.find(kBeginCertificate, begin + 1);
    const auto certificate = parse_certificate(chain_pem.substr(begin, next - begin));
    ++number;
    if (!certificate) {
      return "in certificate " + std::to_string(number) + " of the chain: " + certificate.error();
    }
  }
  return "";
}

// Empty when the text may be a key that wolfSSL can read without a password.
std::string key_problem(const std::string& key_pem) {
  if (key_pem.find("-----BEGIN ENCRYPTED PRIVATE KEY-----") != key_pem.npos ||
      key_pem.find("Proc-Type: 4,ENCRYPTED") != key_pem.npos) {
    return "the private key is encrypted, and there is nobody to ask for its password: decrypt it "
           "with 'openssl pkey -in KEY -out PLAIN_KEY'";
  }
  if (key_pem.find("PRIVATE KEY-----") != key_pem.npos) return "";
  if (key_pem.find(kBeginCertificate) != key_pem.npos) {
    return "there is no private key in it, but a certificate: the two files may have been swapped";
  }
  return "there is no private key in it: it must be PEM text with a line "
         "-----BEGIN PRIVATE KEY-----";
}

// What TLS itself says when it is given the pair; empty when it takes it.
std::string load_problem(const Pair& pair) {
  const std::unique_ptr<WOLFSSL_CTX, FreeContext> context(
      ::wolfSSL_CTX_new(::wolfTLS_server_method()));
  ENSURE(context != nullptr, "out of memory");
  auto bytes = [](const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  };
  const int chain = ::wolfSSL_CTX_use_certificate_chain_buffer(
      context.get(), bytes(pair.chain_pem), static_cast<long>(pair.chain_pem.size()));
  if (chain != WOLFSSL_SUCCESS) {
    return std::string("the certificate chain cannot be used: ") + ::wc_GetErrorString(chain);
  }
  const int key = ::wolfSSL_CTX_use_PrivateKey_buffer(context.get(), bytes(pair.key_pem),
                                                      static_cast<long>(pair.key_pem.size()),
                                                      WOLFSSL_FILETYPE_PEM);
  if (key != WOLFSSL_SUCCESS) {
    return std::string("the private key cannot be used: ") + ::wc_GetErrorString(key);
  }
  if (::wolfSSL_CTX_check_private_key(context.get()) != WOLFSSL_SUCCESS) {
    return "the private key does not belong to the certificate, which must be the first in its "
           "file";
  }
  return "";
}

std::string date_text(std::int64_t unix_seconds) {
  const std::time_t seconds = unix_seconds;
  std::tm parts{};
  std::array<char, 32> text{};
  ENSURE(::gmtime_r(&seconds, &parts) != nullptr, "a certificate's year has four digits");
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts)};
}

std::string cannot_read(const std::string& path, std::string_view why) {
  return std::string("cannot read ").append(path).append(": ").append(why);
}

// From an open file, without leaving copies of a key behind in buffers that grow.
std::expected<std::string, std::string> content_of(int file, const std::string& path) {
  struct stat status{};
  if (::fstat(file, &status) != 0) return std::unexpected(cannot_read(path, std::strerror(errno)));
  if (!S_ISREG(status.st_mode)) return std::unexpected(cannot_read(path, "it is not a file"));
  if (status.st_size > kFileBytesMax) {
    return std::unexpected(cannot_read(path, "it is larger than 1 MiB"));
  }
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(cannot_read(path, std::strerror(errno)));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

std::expected<std::string, std::string> read_file(const std::string& path) {
  // O_NONBLOCK: a pipe without a writer must not hold up the caller.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return std::unexpected(cannot_read(path, std::strerror(errno)));
  std::expected<std::string, std::string> text = content_of(file, path);
  ::close(file);
  return text;
}

}  // namespace

Pair::Pair(std::string chain, std::string key)
    : chain_pem(std::move(chain)), key_pem(std::move(key)) {}

Pair& Pair::operator=(Pair other) noexcept {
  chain_pem.swap(other.chain_pem);
  key_pem.swap(other.key_pem);
  return *this;
}

Pair::~Pair() { ::explicit_bzero(key_pem.data(), key_pem.size()); }

std::expected<CertificateInfo, std::string> inspect(const Pair& pair, std::int64_t now) {
  std::expected<Certificate, std::string> leaf = parse_certificate(pair.chain_pem);
  if (!leaf) return std::unexpected(leaf.error());
  std::string problem = chain_problem(pair.chain_pem);
  if (problem.empty()) problem = key_problem(pair.key_pem);
  if (problem.empty()) problem = load_problem(pair);
  if (problem.empty() && now < leaf->info.not_before) {
    problem = "the certificate is not valid before " + date_text(leaf->info.not_before) +
              ": wait until then, or set this machine's clock";
  }
  if (!problem.empty()) return std::unexpected(std::move(problem));
  return std::move(leaf->info);
}

std::expected<void, std::string> inspect_authorities(const std::string& pem) {
  std::size_t begin = pem.find(kBeginCertificate);
  if (begin == pem.npos) return std::unexpected(parse_certificate(pem).error());
  for (int number = 1; begin != pem.npos; ++number) {
    const std::size_t next = pem.find(kBeginCertificate, begin + 1);
    const auto certificate = parse_certificate(pem.substr(begin, next - begin));
    const std::string which = "certificate " + std::to_string(number);
    if (!certificate) return std::unexpected("in " + which + ": " + certificate.error());
    if (!certificate->is_ca) {
      return std::unexpected(which + " (\"" + certificate->info.subject +
                             "\") is not an authority's: it may not sign others");
    }
    begin = next;
  }
  return {};
}

std::expected<std::string, std::string> read_pem(const std::string& path) {
  return read_file(path);
}

std::expected<Pair, std::string> read_pair(const std::string& cert_path,
                                           const std::string& key_path) {
  std::expected<std::string, std::string> chain = read_file(cert_path);
  if (!chain) return std::unexpected(chain.error());
  std::expected<std::string, std::string> key = read_file(key_path);
  if (!key) return std::unexpected(key.error());
  return Pair(std::move(*chain), std::move(*key));
}

std::string pem_from_der(std::string_view der, PemLabel label) {
  const auto* bytes = reinterpret_cast<const byte*>(der.data());
  const auto size = static_cast<word32>(der.size());
  const int type = label == PemLabel::Certificate ? CERT_TYPE : ECC_PRIVATEKEY_TYPE;
  const int needed = ::wc_DerToPem(bytes, size, nullptr, 0, type);
  ENSURE(needed > 0, "PEM is only another writing of the bytes");
  std::string text(static_cast<std::size_t>(needed), '\0');
  const int written = ::wc_DerToPem(bytes, size, reinterpret_cast<byte*>(text.data()),
                                    static_cast<word32>(text.size()), type);
  ENSURE(written > 0, "PEM is only another writing of the bytes");
  text.resize(static_cast<std::size_t>(written));
  return text;
}

}  // namespace tls
