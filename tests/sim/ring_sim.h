// SPDX-License-Identifier: GPL-3.0-or-later
// What a test may ask of the simulated ring, which otherwise is engine/io/ring.h with another kernel behind it. The
// kernel must live longer than the ring.
#pragma once

#include <cstddef>

#include "engine/io/ring.h"

namespace sim {

struct RingFigures {
  std::size_t requests = 0;  // that the kernel holds
  std::size_t buffers_with_user = 0;
  std::size_t completions_waiting = 0;
  bool busy = false;  // when it looked last, there was something ready
};

// `ring` was opened by this thread.
[[nodiscard]] RingFigures ring_figures(const engine::io::Ring& ring);

}  // namespace sim
