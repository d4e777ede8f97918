// SPDX-License-Identifier: GPL-3.0-or-later
// `engine trust` and `engine untrust`: this machine and its browsers believe the local CA, or no
// longer do.
#pragma once

#include <string>
#include <vector>

#include "engine/cli/system_store.h"
#include "engine/cli/user.h"

namespace engine::cli {

struct TrustPlaces {
  std::string state;  // the state directory of the engine whose CA it is
  std::vector<SystemStore> systems;
  std::string programs;  // folders with programs, ':' between
  User user;             // whose browsers
  std::string engine;    // this program, for what people are told to type
};

// $PATH and the folders of the administrator's programs, which users often lack. Under sudo the
// state directory is that of the user who called it when only they have a CA.
[[nodiscard]] TrustPlaces this_machine();

// Both say on stderr what became of each place, and return the exit code: kExitOk when every place
// that exists is as asked, kExitPermission when only rights are missing, kExitFailed.
// run_trust makes the CA when there is none yet.
[[nodiscard]] int run_trust(const TrustPlaces& places);
[[nodiscard]] int run_untrust(const TrustPlaces& places);

}  // namespace engine::cli
