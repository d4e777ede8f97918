// SPDX-License-Identifier: GPL-3.0-or-later
// What became of one place that keeps certificate authorities. Plain data.
#pragma once

#include <string>

namespace engine::cli {

struct TrustOutcome {
  enum class Result : unsigned char {
    Done,
    Already,   // nothing had to change
    LeftOut,   // there is nothing to do it in
    NoRights,  // this user may not
    Failed,
  };

  Result result = Result::Done;
  std::string store;  // for people, with its path: "Firefox (/home/a/.mozilla/firefox/x.default)"
  std::string why;    // empty when there is nothing to add
  std::string fix;    // empty when there is none
};

}  // namespace engine::cli
