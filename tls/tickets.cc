// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/tickets.h"

#include <sys/random.h>

// wolfSSL's own options come first.
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/hmac.h>

#include <algorithm>
#include <cstring>

#include "engine/base/check.h"

namespace tls {
namespace {

constexpr std::size_t kNonceBytes = 12;  // AES-GCM's; the rest of the IV field stays zero
constexpr std::size_t kTagBytes = 16;

// wolfSSL's type of lengths.
template <class Bytes>
word32 length_of(const Bytes& bytes) {
  return static_cast<word32>(bytes.size());
}

void fill_with_random(std::span<std::uint8_t> out) {
  ENSURE(::getrandom(out.data(), out.size(), 0) == static_cast<ssize_t>(out.size()),
         "the kernel gives no random bytes");
}

// Separate keys and names for each context: whoever has one of them learns nothing of the others.
Digest derive(const Digest& secret, std::uint8_t purpose, const Digest& context) {
  Digest out;
  Hmac hmac;
  bool good = wc_HmacInit(&hmac, nullptr, INVALID_DEVID) == 0;
  good = good && wc_HmacSetKey(&hmac, WC_SHA256, secret.data(), length_of(secret)) == 0;
  good = good && wc_HmacUpdate(&hmac, &purpose, 1) == 0;
  good = good && wc_HmacUpdate(&hmac, context.data(), length_of(context)) == 0;
  good = good && wc_HmacFinal(&hmac, out.data()) == 0;
  wc_HmacFree(&hmac);
  ENSURE(good, "HMAC-SHA256 fails");
  return out;
}

struct Keys {
  Digest name, key;

  Keys(const Digest& secret, const Digest& context)
      : name(derive(secret, 'n', context)), key(derive(secret, 'k', context)) {}
  ~Keys() { explicit_bzero(key.data(), key.size()); }
};

// AES-256-GCM with a key, ready to use.
class Cipher {
 public:
  explicit Cipher(const Digest& key) {
    ENSURE(wc_AesInit(&aes_, nullptr, INVALID_DEVID) == 0, "AES cannot be initialised");
    ENSURE(wc_AesGcmSetKey(&aes_, key.data(), length_of(key)) == 0, "AES refuses a key");
  }
  ~Cipher() { wc_AesFree(&aes_); }
  Cipher(const Cipher&) = delete;
  Cipher& operator=(const Cipher&) = delete;

  Aes* get() { return &aes_; }

 private:
  Aes aes_;
};

}  // namespace

std::shared_ptr<const TicketKeys> TicketKeys::make(const TicketKeys* previous) {
  auto* keys = new TicketKeys;
  fill_with_random(keys->current_);
  if (previous != nullptr) {
    keys->previous_ = previous->current_;
    keys->has_previous_ = true;
  }
  return std::shared_ptr<const TicketKeys>(keys);
}

TicketKeys::~TicketKeys() {
  explicit_bzero(current_.data(), current_.size());
  explicit_bzero(previous_.data(), previous_.size());
}

bool TicketKeys::seal(const Digest& context, std::span<std::uint8_t, kNameBytes> name,
                      std::span<std::uint8_t, kIvBytes> iv, std::span<std::uint8_t, kMacBytes> mac,
                      std::span<std::uint8_t> ticket) const {
  const Keys keys(current_, context);
  std::ranges::copy_n(keys.name.begin(), kNameBytes, name.begin());
  std::ranges::fill(iv, std::uint8_t{0});
  std::ranges::fill(mac, std::uint8_t{0});
  fill_with_random(iv.first<kNonceBytes>());
  Cipher cipher(keys.key);
  return wc_AesGcmEncrypt(cipher.get(), ticket.data(), ticket.data(), length_of(ticket), iv.data(),
                          kNonceBytes, mac.data(), kTagBytes, name.data(), kNameBytes) == 0;
}

TicketKeys::Opened TicketKeys::open(const Digest& context,
                                    std::span<const std::uint8_t, kNameBytes> name,
                                    std::span<const std::uint8_t, kIvBytes> iv,
                                    std::span<const std::uint8_t, kMacBytes> mac,
                                    std::span<std::uint8_t> ticket) const {
  for (const bool by_previous : {false, true}) {
    if (by_previous && !has_previous_) break;
    const Keys keys(by_previous ? previous_ : current_, context);
    if (!std::equal(name.begin(), name.end(), keys.name.begin())) continue;
    Cipher cipher(keys.key);
    const bool good =
        wc_AesGcmDecrypt(cipher.get(), ticket.data(), ticket.data(), length_of(ticket), iv.data(),
                         kNonceBytes, mac.data(), kTagBytes, name.data(), kNameBytes) == 0;
    if (!good) return Opened::No;
    return by_previous ? Opened::ByPrevious : Opened::Yes;
  }
  return Opened::No;
}

}  // namespace tls
