// SPDX-License-Identifier: GPL-3.0-or-later
// The head of a response that is forwarded later than it was parsed: its text does not depend on the
// bytes it came in.
#pragma once

#include <string>
#include <vector>

#include "engine/http/head.h"

namespace engine::http {

class KeptResponse {
 public:
  // Of a final response.
  explicit KeptResponse(const ResponseHead& head);
  KeptResponse(const KeptResponse&) = delete;
  KeptResponse& operator=(const KeptResponse&) = delete;

  // Its views are valid as long as this lives.
  [[nodiscard]] const ResponseHead& head() const { return head_; }

 private:
  std::string_view keep(std::string_view text);

  ResponseHead head_;
  std::string text_;  // never grows after it was reserved
  std::vector<Field> fields_;
};

}  // namespace engine::http
