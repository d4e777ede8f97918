// SPDX-License-Identifier: GPL-3.0-or-later
// How many CPUs this process may use, and which: affinity and the container's quota, not what the
// machine has.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine::server {

// The CPUs of this thread's affinity mask, in order.
[[nodiscard]] std::vector<int> allowed_cpus();

// The text of a cgroup v2 cpu.max, "200000 100000": 2 CPUs. Rounded up; nothing for "max 100000"
// and for nonsense.
[[nodiscard]] std::optional<unsigned> parse_cpu_max(std::string_view text);

// The path of the v2 hierarchy in the text of /proc/self/cgroup: "/system.slice/engine.service";
// empty when there is none.
[[nodiscard]] std::string parse_cgroup_path(std::string_view text);

// The tightest quota from `path` up to the root of the hierarchy, which is mounted at `mount`.
[[nodiscard]] std::optional<unsigned> cpu_quota(const std::filesystem::path& mount,
                                                std::string_view path);

// Of this process.
[[nodiscard]] std::optional<unsigned> cpu_quota();

// `configured` when it is not 0, else one worker per CPU that we may keep busy.
[[nodiscard]] unsigned worker_count(unsigned configured, std::size_t allowed,
                                    std::optional<unsigned> quota);

// Moves the calling thread to one CPU; a failure is of no importance.
void pin_this_thread(int cpu);

}  // namespace engine::server
