// SPDX-License-Identifier: GPL-3.0-or-later
// What `engine doctor` found at one place. Plain data.
#pragma once

#include <string>
#include <vector>

namespace engine::cli {

struct Finding {
  enum class Grade : unsigned char {
    Ok,
    Warn,  // it serves, but not all of it works
    Fail,  // it does not serve, or loses what it is told
  };

  Grade grade = Grade::Ok;
  std::string what;    // "control socket"
  std::string detail;  // what is there
  std::string fix;     // empty when nothing needs to be done
};

using Findings = std::vector<Finding>;

}  // namespace engine::cli
