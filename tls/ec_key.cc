// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/ec_key.h"

#include <wolfssl/options.h>
// The options come first.
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/random.h>

#include <array>
#include <cstring>

#include "engine/base/check.h"
#include "tls/pem.h"

namespace tls {
namespace {

constexpr int kKeyBytes = 32;
constexpr std::size_t kPointBytes = 65;
constexpr std::size_t kKeyDerBytesMax = 256;  // 121 with its public key

std::unexpected<std::string> failure(std::string_view what, int code) {
  return std::unexpected(std::string(what).append(": ").append(::wc_GetErrorString(code)));
}

// wolfCrypt's generator, seeded by the kernel each time: keys are made too rarely to keep one.
class Random {
 public:
  Random() : status_(::wc_InitRng(&generator_)) {}
  ~Random() {
    if (status_ == 0) ::wc_FreeRng(&generator_);
  }
  Random(const Random&) = delete;
  Random& operator=(const Random&) = delete;

  [[nodiscard]] int status() const { return status_; }
  WC_RNG* get() { return &generator_; }

 private:
  WC_RNG generator_;
  int status_;
};

}  // namespace

void EcKey::Free::operator()(ecc_key* key) const {
  ::wc_ecc_free(key);
  delete key;
}

EcKey::EcKey() : key_(new ecc_key) {
  ENSURE(::wc_ecc_init(key_.get()) == 0, "an empty key needs no resources");
}

std::expected<EcKey, std::string> EcKey::generate() {
  Random random;
  EcKey made;
  const int result = random.status() != 0 ? random.status()
                                          : ::wc_ecc_make_key_ex(random.get(), kKeyBytes,
                                                                 made.key_.get(), ECC_SECP256R1);
  if (result != 0) return failure("no key could be made", result);
  return made;
}

std::expected<EcKey, std::string> EcKey::from_pem(const std::string& pem) {
  DerBuffer* der = nullptr;
  const int found = ::wc_PemToDer(reinterpret_cast<const unsigned char*>(pem.data()),
                                  static_cast<long>(pem.size()), PRIVATEKEY_TYPE, &der, nullptr,
                                  nullptr, nullptr);
  EcKey loaded;
  word32 index = 0;
  const int decoded =
      found != 0 ? found
                 : ::wc_EccPrivateKeyDecode(der->buffer, &index, loaded.key_.get(), der->length);
  ::wc_FreeDer(&der);  // wipes a private key
  if (decoded != 0) return failure("the private key is no readable ECDSA key", decoded);
  if (::wc_ecc_get_curve_id(loaded.key_->idx) != ECC_SECP256R1) {
    return std::unexpected("the private key is not of the curve P-256");
  }
  // The file may lack the public key, or have another one's.
  const int completed = ::wc_ecc_make_pub(loaded.key_.get(), nullptr);
  if (completed != 0) return failure("the private key is not valid", completed);
  return loaded;
}

std::string EcKey::to_pem() const {
  std::array<byte, kKeyDerBytesMax> der{};
  const int size = ::wc_EccKeyToDer(key_.get(), der.data(), der.size());
  ENSURE(size > 0, "a complete key has an encoding");
  std::string pem =
      pem_from_der({reinterpret_cast<const char*>(der.data()), static_cast<std::size_t>(size)},
                   PemLabel::EcPrivateKey);
  ::explicit_bzero(der.data(), der.size());
  return pem;
}

std::string EcKey::public_point() const {
  std::string point(kPointBytes, '\0');
  word32 size = kPointBytes;
  const int result = ::wc_ecc_export_x963(key_.get(), reinterpret_cast<byte*>(point.data()), &size);
  ENSURE(result == 0 && size == kPointBytes, "a complete key has a public point");
  return point;
}

std::expected<std::string, std::string> EcKey::sign(std::string_view message) const {
  std::array<byte, WC_SHA256_DIGEST_SIZE> digest{};
  int result = ::wc_Sha256Hash(reinterpret_cast<const byte*>(message.data()),
                               static_cast<word32>(message.size()), digest.data());
  Random random;
  if (result == 0) result = random.status();
  std::string signature(ECC_MAX_SIG_SIZE, '\0');
  auto size = static_cast<word32>(signature.size());
  if (result == 0) {
    result =
        ::wc_ecc_sign_hash(digest.data(), digest.size(), reinterpret_cast<byte*>(signature.data()),
                           &size, random.get(), key_.get());
  }
  if (result != 0) return failure("the certificate could not be signed", result);
  signature.resize(size);
  return signature;
}

}  // namespace tls
