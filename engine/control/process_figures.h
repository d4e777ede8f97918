// SPDX-License-Identifier: GPL-3.0-or-later
// What the kernel says about this process, for the metrics that every Prometheus client has.
#pragma once

#include <cstdint>

namespace engine::control {

struct ProcessFigures {
  double cpu_seconds = 0;         // of all threads, user and system
  double start_time_seconds = 0;  // since 1970
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_descriptors = 0;
  std::uint64_t descriptors_max = 0;
};

// From /proc/self (proc(5)); what cannot be read stays 0.
[[nodiscard]] ProcessFigures read_process_figures();

}  // namespace engine::control
