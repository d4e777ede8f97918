// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/identity.h"

#include <ctime>
#include <span>

#include "tests/sim/random.h"
#include "tls/authority.h"

namespace sim {
namespace {

Random tls_random(0);

Identity make_identity() {
  const std::int64_t now = std::time(nullptr) / (30 * tls::kDaySeconds) * (30 * tls::kDaySeconds);
  const tls::Authority authority = tls::Authority::create(now).value();
  const tls::Pair leaf = authority.issue(kServerName, now).value();
  return {.server = tls::Context::server(leaf.chain_pem, leaf.key_pem, tls::Version::Tls12).value(),
          .client = tls::Context::client({.ca_pem = authority.pair().chain_pem}).value(),
          .ticket_keys = tls::TicketKeys::make(nullptr)};
}

}  // namespace

const Identity& identity() {
  static const Identity made = [] {
    seed_tls(0);
    return make_identity();
  }();
  return made;
}

void seed_tls(std::uint64_t seed) { tls_random = Random(seed); }

// Both take the place of the real ones by the linker's --wrap.
extern "C" int __wrap_getentropy(void* into, std::size_t size) {
  for (char& byte : std::span(static_cast<char*>(into), size))
    byte = static_cast<char>(tls_random.next());
  return 0;
}

extern "C" int __wrap_wc_RNG_GenerateBlock(void*, void* into, unsigned size) {
  return __wrap_getentropy(into, size);
}

}  // namespace sim
