// SPDX-License-Identifier: GPL-3.0-or-later
// By what the worker and its peers know each other, and the chance that TLS takes. ECDSA signatures differ in length, so
// only a seed of its own makes a run the same as the last; the certificate's dates change every 30 days.
#pragma once

#include <cstdint>
#include <memory>

#include "tls/context.h"
#include "tls/tickets.h"

namespace sim {

inline constexpr const char* kServerName = "a.test";

struct Identity {
  std::shared_ptr<const tls::Context> server;  // a certificate for kServerName
  std::shared_ptr<const tls::Context> client;  // trusts who issued it
  std::shared_ptr<const tls::TicketKeys> ticket_keys;
};

// Made once, as keys take their time.
[[nodiscard]] const Identity& identity();
// What is random in TLS from here on.
void seed_tls(std::uint64_t seed);

}  // namespace sim
