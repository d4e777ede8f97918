// SPDX-License-Identifier: GPL-3.0-or-later
// What a test may ask of the simulated ring, which otherwise is engine/io/ring.h with another kernel behind it. The
// kernel must live longer than the ring.
#pragma once

#include <cstddef>

namespace sim {

// Of the ring that was opened last.
struct RingFigures {
  std::size_t requests = 0;  // that the kernel holds
  std::size_t buffers_with_user = 0;
  std::size_t completions_waiting = 0;
};

[[nodiscard]] RingFigures ring_figures();

}  // namespace sim
