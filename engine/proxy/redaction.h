// SPDX-License-Identifier: GPL-3.0-or-later
// Hides the values of parameters that a log must not show. Names are compared as they are written, in any
// case; a value reaches to the next '&' or '#'.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace engine::proxy {

class Redaction {
 public:
  explicit Redaction(std::span<const std::string> names) : names_(names) {}

  // "a=1&token=REDACTED"; `query` itself where it has nothing to hide. Valid until the next call.
  [[nodiscard]] std::string_view in_query(std::string_view query);
  // The same for what follows the first '?' or '#' of an address.
  [[nodiscard]] std::string_view in_address(std::string_view address);

 private:
  [[nodiscard]] bool hides(std::string_view name) const;

  std::span<const std::string> names_;
  std::string copy_;
};

}  // namespace engine::proxy
