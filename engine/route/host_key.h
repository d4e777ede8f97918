// SPDX-License-Identifier: GPL-3.0-or-later
// A host as it was received, made comparable: lower case, without port and trailing dot. It judges
// no syntax; what is no name simply equals no configured name.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace engine::route {

// RFC 1035 section 2.3.4: no DNS name is longer.
inline constexpr std::size_t kHostBytesMax = 255;

class HostKey {
 public:
  explicit HostKey(std::string_view received) noexcept;

  // False when it is longer than any name.
  [[nodiscard]] bool fits() const noexcept { return size_ <= kHostBytesMax; }
  // Only when it fits. "[::1]" keeps its brackets.
  [[nodiscard]] std::string_view text() const noexcept { return {bytes_.data(), size_}; }
  // False for nothing and for an empty first label: only "*" matches those.
  [[nodiscard]] bool named() const noexcept { return size_ > 0 && bytes_[0] != '.'; }
  // An IPv6 literal, which lies below no wildcard whatever dots it has.
  [[nodiscard]] bool literal() const noexcept { return size_ > 0 && bytes_[0] == '['; }

 private:
  std::array<char, kHostBytesMax + 1> bytes_;  // no initialiser: only size_ bytes are ever read
  std::size_t size_;
};

}  // namespace engine::route
