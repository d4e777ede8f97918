// SPDX-License-Identifier: GPL-3.0-or-later
// What only the whole configuration shows: two sites with one name, two listeners on one port,
// trust in nobody.
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace config {

void validate(const Config& config, Findings& findings);

}  // namespace config
