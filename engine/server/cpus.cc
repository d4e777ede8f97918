// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/server/cpus.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <sstream>

namespace engine::server {
namespace {

namespace fs = std::filesystem;

std::string read_whole(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

}  // namespace

std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
  // Machines with more CPUs than a cpu_set_t has bits need a larger mask: the kernel says so with
  // EINVAL.
  for (int bits = CPU_SETSIZE; cpus.empty() && bits <= (1 << 16); bits *= 2) {
    cpu_set_t* set = CPU_ALLOC(bits);
    const std::size_t bytes = CPU_ALLOC_SIZE(bits);
    CPU_ZERO_S(bytes, set);
    if (::sched_getaffinity(0, bytes, set) == 0) {
      for (int cpu = 0; cpu < bits; ++cpu) {
        if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes, set)) cpus.push_back(cpu);
      }
    }
    CPU_FREE(set);
  }
  return cpus;
}

std::optional<unsigned> parse_cpu_max(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto quota = parse_number(text.substr(0, space));
  const auto period = parse_number(text.substr(space + 1));
  if (!quota || !period || *period == 0) return std::nullopt;
  const std::uint64_t cpus = *quota / *period + (*quota % *period == 0 ? 0 : 1);
  return static_cast<unsigned>(std::clamp<std::uint64_t>(cpus, 1, 1U << 16U));
}

std::string parse_cgroup_path(std::string_view text) {
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return {};
}

std::optional<unsigned> cpu_quota(const fs::path& mount, std::string_view path) {
  std::optional<unsigned> tightest;
  fs::path at = fs::path(path).relative_path();
  while (true) {
    const auto quota = parse_cpu_max(read_whole(mount / at / "cpu.max"));
    if (quota) tightest = std::min(tightest.value_or(*quota), *quota);
    if (at.empty()) return tightest;
    at = at.parent_path();
  }
}

std::optional<unsigned> cpu_quota() {
  return cpu_quota("/sys/fs/cgroup", parse_cgroup_path(read_whole("/proc/self/cgroup")));
}

unsigned worker_count(unsigned configured, std::size_t allowed, std::optional<unsigned> quota) {
  if (configured != 0) return configured;
  const auto cpus = static_cast<unsigned>(std::max<std::size_t>(allowed, 1));
  return std::max(1U, std::min(cpus, quota.value_or(cpus)));
}

void pin_this_thread(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (cpu >= CPU_SETSIZE) return;
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  static_cast<void>(::pthread_setaffinity_np(::pthread_self(), sizeof set, &set));
}

}  // namespace engine::server
