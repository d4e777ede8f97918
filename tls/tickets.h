// SPDX-License-Identifier: GPL-3.0-or-later
// The keys that session tickets are sealed with: the same for every worker, replaced from time to
// time. A ticket opens only under the certificate that it was issued with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace tls {

using Digest = std::array<std::uint8_t, 32>;

// How long a set of keys seals. What the set before it sealed can still be opened.
inline constexpr std::int64_t kTicketKeySeconds = 12L * 3600;

class TicketKeys {
 public:
  static constexpr std::size_t kNameBytes = 16;
  static constexpr std::size_t kIvBytes = 16;
  static constexpr std::size_t kMacBytes = 32;

  // A new key, and the newest one of `previous` (may be null).
  static std::shared_ptr<const TicketKeys> make(const TicketKeys* previous);
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  enum class Opened : std::uint8_t { No, Yes, ByPrevious };

  // Both work in place. `context` says what the ticket is bound to.
  [[nodiscard]] bool seal(const Digest& context, std::span<std::uint8_t, kNameBytes> name,
                          std::span<std::uint8_t, kIvBytes> iv,
                          std::span<std::uint8_t, kMacBytes> mac,
                          std::span<std::uint8_t> ticket) const;
  [[nodiscard]] Opened open(const Digest& context, std::span<const std::uint8_t, kNameBytes> name,
                            std::span<const std::uint8_t, kIvBytes> iv,
                            std::span<const std::uint8_t, kMacBytes> mac,
                            std::span<std::uint8_t> ticket) const;

 private:
  TicketKeys() = default;

  Digest current_{};
  Digest previous_{};
  bool has_previous_ = false;
};

}  // namespace tls
