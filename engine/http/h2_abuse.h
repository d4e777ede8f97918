// SPDX-License-Identifier: GPL-3.0-or-later
// What a peer of HTTP/2 may make us do for nothing: a budget per kind of cheap frame, over a sliding
// window, per connection. It counts and judges; it knows no frames and no clock.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/base/clock.h"

namespace engine::http {

class H2Abuse {
 public:
  enum class Kind : std::uint8_t {
    PeerReset,      // RST_STREAM of the peer: rapid reset
    ProvokedReset,  // RST_STREAM that the peer's faults made us send
    Ping,
    Settings,
    Priority,      // PRIORITY and PRIORITY_UPDATE
    EmptyFrame,    // DATA, HEADERS or CONTINUATION that bring nothing
    WindowUpdate,  // more of them than our DATA gives reason for
    SmallWindow,   // DATA of ours cut to crumbs by the peer's window
    OtherFrame,    // GOAWAY, and types we do not know
    HeaderBlock,   // one header block without end, or that decodes to far more than allowed
    Unread,        // replies to control frames that the peer does not read
    kCount,
  };

  // So many at once, and one more each `refill`. No budget at all: the first one is too many.
  struct Rule {
    std::string_view name;  // for counters
    std::string_view why;   // for the log
    std::uint32_t budget;
    base::Time refill;
  };
  [[nodiscard]] static const Rule& rule(Kind kind) noexcept;

  // Takes one from the budget. False when it is exceeded: the connection is to end with
  // ENHANCE_YOUR_CALM (RFC 9113 section 10.5). `now` never goes back.
  [[nodiscard]] bool spend(Kind kind, base::Time now) noexcept;

  // Gives back up to `amount`, never above the budget: for what our own traffic explains.
  void earn(Kind kind, std::uint32_t amount, base::Time now) noexcept;

  // How often it happened on this connection.
  [[nodiscard]] std::uint32_t count(Kind kind) const noexcept {
    return meters_[static_cast<std::size_t>(kind)].count;
  }

 private:
  // The budget is held as the moment at which it would be whole again.
  struct Meter {
    base::Time whole_at = 0;
    std::uint32_t count = 0;
  };
  std::array<Meter, static_cast<std::size_t>(Kind::kCount)> meters_;
};

}  // namespace engine::http
