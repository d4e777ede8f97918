// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/machine_checks.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "engine/base/log.h"
#include "engine/io/ring.h"

namespace engine::cli {
namespace {

using Grade = Finding::Grade;

constexpr unsigned kKernelMajorMin = 6;
// Two for each connection that is proxied: 5,000 of them.
constexpr std::uint64_t kDescriptorsMin = 10'000;
// A certificate cannot be checked outside of these.
constexpr std::string_view kYearMin = "2025";
constexpr std::string_view kYearMax = "2099";
constexpr const char* kLocalName = "app.localhost";

std::string kernel_release() {
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "unknown";
}

std::string text_of(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string limit_text(std::uint64_t limit) {
  return limit == RLIM_INFINITY ? "unlimited" : std::to_string(limit);
}

rlimit limit_of(__rlimit_resource resource) {
  rlimit limit{};
  ::getrlimit(resource, &limit);
  return limit;
}

Finding ring_finding(bool& has_ring) {
  const auto ring =
      io::Ring::open({.entries = 8, .completions = 16, .buffer_count = 8, .buffer_bytes = 4096});
  has_ring = ring.has_value();
  if (!ring) return {Grade::Fail, "io_uring", ring.error().cause, ring.error().fix};
  return {Grade::Ok, "io_uring", std::string((*ring)->capabilities()), ""};
}

// No grade of its own: a limit that is too low keeps the ring from being made, which says so.
Finding locked_memory_finding() {
  const std::uint64_t soft = limit_of(RLIMIT_MEMLOCK).rlim_cur;
  return {Grade::Ok, "locked memory", limit_text(soft) + (soft == RLIM_INFINITY ? "" : " bytes"),
          ""};
}

std::vector<std::string> addresses_of(const char* name) {
  // As short as the resolver lets it be: nobody waits half a minute for a line of a report.
  ::setenv("RES_OPTIONS", "timeout:1 attempts:1", 0);
  const addrinfo hints{.ai_flags = 0, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  std::vector<std::string> addresses;
  if (::getaddrinfo(name, nullptr, &hints, &found) != 0) return addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(at->ai_addr, at->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) == 0) {
      addresses.emplace_back(text.data());
    }
  }
  ::freeaddrinfo(found);
  return addresses;
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

// A seccomp profile may forbid the question; then it is not known to be wrong.
bool is_synchronised() {
  timex asked{};
  return ::adjtimex(&asked) != TIME_ERROR;
}

}  // namespace

MachineReport check_machine() {
  MachineReport report;
  const Finding ring = ring_finding(report.has_ring);
  const rlimit files = limit_of(RLIMIT_NOFILE);
  report.findings = {kernel_finding(kernel_release()),
                     ring,
                     seccomp_finding(text_of("/proc/self/status"), report.has_ring),
                     descriptors_finding(files.rlim_cur, files.rlim_max),
                     locked_memory_finding(),
                     clock_finding(base::wall_now(), is_synchronised()),
                     names_finding(addresses_of(kLocalName))};
  return report;
}

Finding kernel_finding(std::string_view release) {
  unsigned major = 0;
  std::from_chars(release.data(), release.data() + release.size(), major);
  if (major >= kKernelMajorMin) return {Grade::Ok, "kernel", "Linux " + std::string(release), ""};
  return {Grade::Fail, "kernel", fmt::format("Linux {}: too old", release),
          "Linux 6.0 or newer is needed"};
}

Finding seccomp_finding(std::string_view status, bool has_ring) {
  constexpr std::string_view kLabel = "\nSeccomp:\t";
  const std::size_t at = status.find(kLabel);
  const bool is_filtered = at != status.npos && status.substr(at + kLabel.size()).starts_with('2');
  if (!is_filtered) return {Grade::Ok, "seccomp", "no filter", ""};
  if (has_ring) return {Grade::Ok, "seccomp", "a filter, which lets io_uring pass", ""};
  return {Grade::Warn, "seccomp", "a filter is on this process: it may be what refuses io_uring",
          "let it allow io_uring_setup, io_uring_enter and io_uring_register; under systemd, the "
          "group @aio"};
}

Finding descriptors_finding(std::uint64_t soft, std::uint64_t hard) {
  const std::string detail =
      fmt::format("{}, which the engine raises to {}", limit_text(soft), limit_text(hard));
  if (hard >= kDescriptorsMin) return {Grade::Ok, "open files", detail, ""};
  return {Grade::Warn, "open files", fmt::format("{}: enough for {} connections", detail, hard / 2),
          "LimitNOFILE=1048576 in the systemd unit, --ulimit nofile=1048576 of a container"};
}

Finding names_finding(const std::vector<std::string>& addresses) {
  const std::string fix = fmt::format(
      "install libnss-myhostname, or write \"127.0.0.1 {}\" into /etc/hosts", kLocalName);
  if (addresses.empty()) {
    return {Grade::Warn, "names",
            fmt::format("{} is not found; browsers need no help, other programs do", kLocalName),
            fix};
  }
  const auto foreign = std::ranges::find_if_not(addresses, is_loopback);
  if (foreign == addresses.end()) {
    return {Grade::Ok, "names", fmt::format("{} is {}", kLocalName, addresses.front()), ""};
  }
  return {Grade::Warn, "names",
          fmt::format("{} is {}, which is not this machine", kLocalName, *foreign), fix};
}

Finding clock_finding(base::Time wall, bool is_synchronised) {
  const std::string now = base::log::format_time(wall);
  const std::string_view year = std::string_view(now).substr(0, kYearMin.size());
  if (year < kYearMin || year > kYearMax) {
    return {Grade::Fail, "clock", now + ": no certificate is valid then",
            "set it: timedatectl set-ntp true"};
  }
  return {Grade::Ok, "clock",
          now + (is_synchronised ? "" : "; the kernel does not know it to be synchronised"), ""};
}

}  // namespace engine::cli
