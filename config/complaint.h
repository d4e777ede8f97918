// SPDX-License-Identifier: GPL-3.0-or-later
// Why a piece of text was refused, before anybody knows where it was written.
#pragma once

#include <string>

namespace config {

struct Complaint {
  std::string message;
  std::string hint;  // what to write instead; may be empty
};

}  // namespace config
