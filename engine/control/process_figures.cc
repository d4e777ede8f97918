// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/process_figures.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace engine::control {
namespace {

// Fields of /proc/self/stat, counted as in proc(5).
constexpr std::size_t kUserTime = 14, kSystemTime = 15, kStartTime = 22, kVirtualBytes = 23,
                      kResidentPages = 24;
constexpr std::size_t kFirstAfterName = 3;

// The process's name, in parentheses, may contain anything; what comes after it are numbers.
std::vector<double> fields_after_name() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t end_of_name = text.rfind(')');
  std::vector<double> fields;
  if (end_of_name == std::string::npos) return fields;
  std::istringstream rest(text.substr(end_of_name + 1));
  std::string state;
  rest >> state;
  fields.push_back(0);
  for (double field = 0; rest >> field;) fields.push_back(field);
  return fields;
}

double boot_time() {
  std::ifstream file("/proc/stat");
  std::string name;
  for (double value = 0; file >> name; std::getline(file, name)) {
    if (name == "btime" && file >> value) return value;
  }
  return 0;
}

std::uint64_t count_descriptors() {
  std::error_code error;
  std::filesystem::directory_iterator at("/proc/self/fd", error);
  std::uint64_t count = 0;
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) ++count;
  return count == 0 ? 0 : count - 1;  // without the one that reads the directory
}

}  // namespace

ProcessFigures read_process_figures() {
  ProcessFigures figures;
  const std::vector<double> fields = fields_after_name();
  const auto field = [&](std::size_t number) {
    const std::size_t at = number - kFirstAfterName;
    return at < fields.size() ? fields[at] : 0;
  };
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  figures.cpu_seconds = (field(kUserTime) + field(kSystemTime)) / ticks;
  figures.start_time_seconds = boot_time() + field(kStartTime) / ticks;
  figures.virtual_bytes = static_cast<std::uint64_t>(field(kVirtualBytes));
  figures.resident_bytes = static_cast<std::uint64_t>(field(kResidentPages)) *
                           static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  figures.open_descriptors = count_descriptors();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.descriptors_max = limit.rlim_cur;
  return figures;
}

}  // namespace engine::control
