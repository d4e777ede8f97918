// SPDX-License-Identifier: GPL-3.0-or-later
// The metrics of sites and of their targets.
#pragma once

#include "engine/control/metrics.h"
#include "engine/control/metrics_text.h"

namespace engine::control {

void render_sites(const MetricsInput& input, MetricsText& out);
void render_targets(const MetricsInput& input, MetricsText& out);

}  // namespace engine::control
