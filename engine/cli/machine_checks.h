// SPDX-License-Identifier: GPL-3.0-or-later
// What `engine doctor` looks at whatever is configured: the kernel, io_uring, limits, names, the
// clock. Reads only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "engine/cli/finding.h"

namespace engine::cli {

struct MachineReport {
  Findings findings;
  bool has_ring = false;  // io_uring is there and may be used
};

// May wait some seconds for a name server that does not answer.
[[nodiscard]] MachineReport check_machine();

// Of the parts, what they make of what was read:
// `release` as uname(2) gives it.
[[nodiscard]] Finding kernel_finding(std::string_view release);
// `status` is the text of /proc/self/status.
[[nodiscard]] Finding seccomp_finding(std::string_view status, bool has_ring);
// Of RLIMIT_NOFILE.
[[nodiscard]] Finding descriptors_finding(std::uint64_t soft, std::uint64_t hard);
// The numeric addresses of app.localhost.
[[nodiscard]] Finding names_finding(const std::vector<std::string>& addresses);
[[nodiscard]] Finding clock_finding(base::Time wall, bool is_synchronised);

}  // namespace engine::cli
