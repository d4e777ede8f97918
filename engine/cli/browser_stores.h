// SPDX-License-Identifier: GPL-3.0-or-later
// The authorities that one user's browsers believe: NSS databases, changed by NSS's own certutil.
// It must not know whose authority it is.
#pragma once

#include <string>
#include <vector>

#include "engine/cli/trust_outcome.h"
#include "engine/cli/user.h"

namespace engine::cli {

// Both act on every database of Chromium and Firefox in the user's home, in the user's name, and
// find certutil in `programs` (program.h). Ours is the certificate with our nickname.
// Chromium's database is made when it is missing: Chromium then takes it.
[[nodiscard]] std::vector<TrustOutcome> add_to_browsers(const User& user,
                                                        const std::string& programs,
                                                        const std::string& ca_pem);
[[nodiscard]] std::vector<TrustOutcome> remove_from_browsers(const User& user,
                                                             const std::string& programs);

}  // namespace engine::cli
